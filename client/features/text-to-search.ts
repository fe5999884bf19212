import * as vscode from 'vscode';

/** UTF-16 units that the daemon takes at a time. */
const MAX_TEXT = 1_000_000;

export interface Contrast {
  readonly here: string;
  readonly there: string;
}

function textOf(editor: vscode.TextEditor, selections: readonly vscode.Selection[]): string {
  return selections
    .map((selection) => editor.document.getText(selection))
    .join('\n')
    .trim()
    .slice(0, MAX_TEXT);
}

/** The selected text; tells the user to select some where none is. */
export function selectedText(): string | null {
  const editor = vscode.window.activeTextEditor;
  const text = editor === undefined ? '' : textOf(editor, editor.selections);
  if (text !== '') return text;
  void vscode.window.showInformationMessage(vscode.l10n.t('Select some text first.'));
  return null;
}

/** The text that features shall fire on, and the text that they shall not. With several selections the first is "here". */
export async function textsToContrast(): Promise<Contrast | null> {
  const editor = vscode.window.activeTextEditor;
  const here = editor === undefined ? null : selectedText();
  if (editor === undefined || here === null) return null;
  if (editor.selections.length > 1)
    return { here: textOf(editor, editor.selections.slice(0, 1)), there: textOf(editor, editor.selections.slice(1)) };
  const there = await askForOther(editor);
  return there === null ? null : { here, there };
}

async function askForOther(editor: vscode.TextEditor): Promise<string | null> {
  const { t } = vscode.l10n;
  const { document, selection } = editor;
  const clipboard = (await vscode.env.clipboard.readText()).trim().slice(0, MAX_TEXT);
  const rest = [
    document.getText(new vscode.Range(new vscode.Position(0, 0), selection.start)),
    document.getText(new vscode.Range(selection.end, document.lineAt(document.lineCount - 1).range.end)),
  ]
    .join('\n')
    .trim()
    .slice(0, MAX_TEXT);
  const choices = [
    { label: t('The rest of this document'), text: rest },
    { label: t('The text on the clipboard'), text: clipboard, detail: clipboard.slice(0, 100) },
  ].filter(({ text }) => text !== '');
  const picked = await vscode.window.showQuickPick(choices, {
    title: t('Fires on the Selection, Not On…'),
    placeHolder: t('Or select two texts (Alt+click for the second) and ask again'),
  });
  return picked?.text ?? null;
}
