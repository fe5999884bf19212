import * as vscode from 'vscode';
import type { ShownPassage } from '../../server/protocol/corpus-pages.ts';
import { isOpenable, sourceRange } from './source-place.ts';

/** Opens the file that a passage is from, the passage selected. */
export async function openSource(passage: ShownPassage): Promise<void> {
  const { source, line } = passage;
  if (!isOpenable(source)) {
    await vscode.window.showInformationMessage(
      vscode.l10n.t('{0} is no file that the editor can open: it is part of the product, or compressed.', source),
    );
    return;
  }
  const uri = vscode.Uri.file(source);
  const document = await openText(uri);
  if (document === null) {
    // Beyond the size that extensions may read; the editor itself can open it.
    const at = new vscode.Position(Math.max(0, (line ?? 1) - 1), 0);
    const options: vscode.TextDocumentShowOptions = { selection: new vscode.Range(at, at) };
    await vscode.commands.executeCommand('vscode.open', uri, options);
    return;
  }
  const range = sourceRange(document.getText(), passage);
  const selection = range && new vscode.Range(document.positionAt(range.start), document.positionAt(range.end));
  await vscode.window.showTextDocument(document, selection === null ? {} : { selection });
}

async function openText(uri: vscode.Uri): Promise<vscode.TextDocument | null> {
  try {
    return await vscode.workspace.openTextDocument(uri);
  } catch (error) {
    const exists = await vscode.workspace.fs.stat(uri).then(
      () => true,
      () => false,
    );
    if (exists) return null;
    throw new Error(vscode.l10n.t('{0} is not there any more; the corpus still holds its passages.', uri.fsPath), {
      cause: error,
    });
  }
}
