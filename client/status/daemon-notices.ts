import * as vscode from 'vscode';
import type { Studio } from '../studio.ts';

/** Says once that the daemon ended by itself and runs again; that it cannot be had is told by what needed it. */
export function createDaemonNotices({ link, log }: Studio): vscode.Disposable {
  let lost = false;
  return vscode.Disposable.from(
    link.onDidLose(() => {
      lost = true;
    }),
    link.onDidChangeState(({ kind }) => {
      if (kind !== 'ready' || !lost) return;
      lost = false;
      void tellRestarted(log);
    }),
  );
}

async function tellRestarted(log: vscode.LogOutputChannel): Promise<void> {
  const showLog = vscode.l10n.t('Show Log');
  const message = vscode.l10n.t('The SSAE Studio daemon ended unexpectedly and was started again.');
  if ((await vscode.window.showWarningMessage(message, showLog)) === showLog) log.show(true);
}
