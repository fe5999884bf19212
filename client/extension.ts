import * as vscode from 'vscode';
import { command } from './commands/command.ts';
import { copyDiagnostics, restartDaemon } from './commands/daemon-commands.ts';
import { showFeatures } from './commands/show-features.ts';
import { CurrentDictionary } from './current-dictionary.ts';
import { DaemonLink } from './daemon/daemon-link.ts';
import { JobWatch } from './daemon/job-watch.ts';
import { FeaturePaint } from './decorations/feature-paint.ts';
import { createDaemonStatusItem } from './status/daemon-status-item.ts';
import { createStoredTexts } from './stored-texts.ts';
import type { Studio } from './studio.ts';

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('SSAE Studio', { log: true });
  const link = new DaemonLink(context, log);
  const studio: Studio = { context, log, link, jobs: new JobWatch(link), dictionary: new CurrentDictionary() };
  const paint = new FeaturePaint();
  context.subscriptions.push(
    log,
    link,
    studio.jobs,
    studio.dictionary,
    paint,
    createDaemonStatusItem(link),
    createStoredTexts(studio),
    command(log, 'ssae.showFeatures', () => showFeatures(link, paint)),
    command(log, 'ssae.clearFeatures', () => {
      for (const { document } of vscode.window.visibleTextEditors) paint.clear(document);
    }),
    command(log, 'ssae.restartDaemon', () => restartDaemon(link)),
    command(log, 'ssae.copyDiagnostics', () => copyDiagnostics(link)),
    command(log, 'ssae.showLog', () => {
      log.show(true);
    }),
  );
}
