import * as vscode from 'vscode';
import type { Studio } from '../studio.ts';

/** Deletes activations and feature indexes, which are made again when they are needed. */
export async function clearCaches({ link }: Studio): Promise<void> {
  const question = vscode.l10n.t('Clear the caches?');
  const detail = vscode.l10n.t(
    'Activations and feature indexes are deleted; what a running job reads stays. They are made again when they are needed.',
  );
  const clear = vscode.l10n.t('Clear');
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, clear)) !== clear) return;
  const { ClearCaches } = await import('../../server/protocol/messages.ts');
  const title = vscode.l10n.t('Clearing caches…');
  const location = vscode.ProgressLocation.Notification;
  const { bytes } = await vscode.window.withProgress({ location, title }, () => link.request(ClearCaches, {}));
  await vscode.window.showInformationMessage(vscode.l10n.t('{0} MB are free again.', (bytes / 1e6).toFixed(1)));
}
