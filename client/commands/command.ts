import * as vscode from 'vscode';
import { DaemonUnavailable } from '../daemon/daemon-link.ts';

/** What a command needs and there is none of yet: told as advice, not as a failure. */
export class Advice extends Error {}

/** Registers a command whose failure is told to the user once, with the log a click away. */
export function command(
  log: vscode.LogOutputChannel,
  id: string,
  run: (...args: never[]) => unknown,
): vscode.Disposable {
  return vscode.commands.registerCommand(id, async (...args: never[]) => {
    try {
      return await run(...args);
    } catch (error) {
      if (error instanceof Advice) void vscode.window.showInformationMessage(error.message);
      else if (!(error instanceof vscode.CancellationError)) void tellFailure(log, error);
      return undefined;
    }
  });
}

export async function tellFailure(log: vscode.LogOutputChannel, error: unknown): Promise<void> {
  log.error(error instanceof Error ? error : String(error));
  const [showLog, restart] = [vscode.l10n.t('Show Log'), vscode.l10n.t('Restart Daemon')];
  const message = error instanceof Error ? error.message : String(error);
  const remedies = error instanceof DaemonUnavailable ? [showLog, restart] : [showLog];
  const picked = await vscode.window.showErrorMessage(message, ...remedies);
  if (picked === showLog) log.show(true);
  if (picked === restart) await vscode.commands.executeCommand('ssae.restartDaemon');
}
