import * as vscode from 'vscode';
import { DaemonUnavailable } from '../daemon/daemon-state.ts';
import { tellUnavailable } from '../status/daemon-notices.ts';

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
  if (error instanceof DaemonUnavailable) {
    // Where in the client it was missed says nothing, and would push what the daemon said out of sight.
    log.error(error.message);
    return tellUnavailable(log, error);
  }
  log.error(error instanceof Error ? error : String(error));
  const showLog = vscode.l10n.t('Show Log');
  const message = error instanceof Error ? error.message : String(error);
  if ((await vscode.window.showErrorMessage(message, showLog)) === showLog) log.show(true);
}
