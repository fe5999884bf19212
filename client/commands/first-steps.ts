import * as vscode from 'vscode';
import type { Highlights } from '../decorations/highlights.ts';
import type { Studio } from '../studio.ts';
import { command } from './command.ts';

const WALKTHROUGH = 'ssae-studio.ssae-studio#ssae.start';

/** What a newcomer is led to. */
export function registerFirstSteps({ log, context }: Studio, highlights: Highlights): vscode.Disposable {
  return vscode.Disposable.from(
    command(log, 'ssae.getStarted', () =>
      vscode.commands.executeCommand('workbench.action.openWalkthrough', WALKTHROUGH, false),
    ),
    command(log, 'ssae.openSample', async () => {
      await vscode.window.showTextDocument(await sampleDocument(context.extensionUri));
      await highlights.toggle(true);
    }),
  );
}

/** An untitled copy: it can be edited and marked, and nothing of it is on the disk. */
async function sampleDocument(extension: vscode.Uri): Promise<vscode.TextDocument> {
  const bytes = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(extension, 'media', 'sample.txt'));
  return vscode.workspace.openTextDocument({ language: 'plaintext', content: Buffer.from(bytes).toString('utf8') });
}
