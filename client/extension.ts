import * as vscode from 'vscode';
import { copyDiagnostics, restartDaemon } from './commands/daemon-commands.ts';
import { showFeatures } from './commands/show-features.ts';
import { DaemonLink } from './daemon/daemon-link.ts';
import { FeaturePaint } from './decorations/feature-paint.ts';
import { createDaemonStatusItem } from './status/daemon-status-item.ts';

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('SSAE Studio', { log: true });
  const link = new DaemonLink(context, log);
  const paint = new FeaturePaint();
  const command = (id: string, run: () => Promise<void> | void): vscode.Disposable =>
    vscode.commands.registerCommand(id, async () => {
      try {
        await run();
      } catch (error) {
        await tellFailure(log, error);
      }
    });
  context.subscriptions.push(
    log,
    link,
    paint,
    createDaemonStatusItem(link),
    command('ssae.showFeatures', () => showFeatures(link, paint)),
    command('ssae.clearFeatures', () => {
      for (const { document } of vscode.window.visibleTextEditors) paint.clear(document);
    }),
    command('ssae.restartDaemon', () => restartDaemon(link)),
    command('ssae.copyDiagnostics', () => copyDiagnostics(link)),
    command('ssae.showLog', () => {
      log.show(true);
    }),
  );
}

async function tellFailure(log: vscode.LogOutputChannel, error: unknown): Promise<void> {
  log.error(error instanceof Error ? error : String(error));
  const showLog = vscode.l10n.t('Show Log');
  const message = error instanceof Error ? error.message : String(error);
  if ((await vscode.window.showErrorMessage(message, showLog)) === showLog) log.show(true);
}
