import * as vscode from 'vscode';
import { DaemonIncidents, type DaemonNotice } from '../daemon/daemon-incidents.ts';
import type { DaemonUnavailable } from '../daemon/daemon-state.ts';
import type { Studio } from '../studio.ts';

/** Messages that stand on the screen: the same one is not put up beside itself. */
const shown = new Set<string>();

/** Tells how the daemon fares where the user should know, and offers what helps. */
export function createDaemonNotices({ context, link, log }: Studio): vscode.Disposable {
  const { version } = context.extension.packageJSON as { readonly version: string };
  const incidents = new DaemonIncidents(version);
  return link.onDidChangeState((state) => {
    const notice = incidents.next(state);
    if (notice !== null) void tell(notice, log);
  });
}

/** Tells again of a daemon that is not there to somebody who asks for it. */
export async function tellUnavailable(
  log: vscode.LogOutputChannel,
  { why, message }: DaemonUnavailable,
): Promise<void> {
  await tell({ kind: 'failed', why, message }, log);
}

async function tell(notice: DaemonNotice, log: vscode.LogOutputChannel): Promise<void> {
  const message = messageOf(notice);
  if (shown.has(message)) return;
  shown.add(message);
  const { window, l10n, commands } = vscode;
  const [showLog, restart] = [l10n.t('Show Log'), l10n.t('Restart Daemon')];
  try {
    const picked = await show(window, notice.kind, message, showLog, restart);
    if (picked === showLog) log.show(true);
    if (picked === restart) await commands.executeCommand('ssae.restartDaemon');
  } finally {
    shown.delete(message);
  }
}

function show(
  { showErrorMessage, showInformationMessage, showWarningMessage }: typeof vscode.window,
  kind: DaemonNotice['kind'],
  message: string,
  showLog: string,
  restart: string,
): Thenable<string | undefined> {
  switch (kind) {
    case 'returned':
      return showInformationMessage(message, showLog);
    case 'other version':
      return showWarningMessage(message, restart, showLog);
    case 'failed':
      return showErrorMessage(message, showLog, restart);
  }
}

function messageOf(notice: DaemonNotice): string {
  const { t } = vscode.l10n;
  switch (notice.kind) {
    case 'returned':
      return t(
        'The SSAE Studio daemon (process {0}) ended unexpectedly and was started again. Jobs that it ran are paused.',
        notice.lost,
      );
    case 'other version':
      return t(
        'The SSAE Studio daemon that runs is version {0}, not the one of this extension. Restart it: its jobs are paused and can be resumed.',
        notice.version,
      );
    case 'failed':
      return notice.message;
  }
}
