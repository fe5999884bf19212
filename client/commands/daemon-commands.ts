import * as vscode from 'vscode';
import type { DaemonLink } from '../daemon/daemon-link.ts';

export async function restartDaemon(link: DaemonLink): Promise<void> {
  const title = vscode.l10n.t('Restarting the SSAE Studio daemon…');
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title }, () => link.restart());
}

/** Puts what a bug report needs on the clipboard. */
export async function copyDiagnostics(link: DaemonLink): Promise<void> {
  const title = vscode.l10n.t('Collecting diagnostics…');
  const location = vscode.ProgressLocation.Window;
  const doctor = await vscode.window.withProgress({ location, title }, async () => {
    const { Doctor } = await import('../../server/protocol/messages.ts');
    return link.request(Doctor, {});
  });
  const editor = { app: vscode.env.appName, version: vscode.version, remote: vscode.env.remoteName ?? null };
  await vscode.env.clipboard.writeText(JSON.stringify({ editor, daemon: link.state, doctor }, null, 2));
  await vscode.window.showInformationMessage(vscode.l10n.t('Diagnostics are on the clipboard.'));
}
