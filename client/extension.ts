import * as vscode from 'vscode';
import { Bookmarks } from './bookmarks.ts';
import { command } from './commands/command.ts';
import { copyDiagnostics, restartDaemon } from './commands/daemon-commands.ts';
import { showFeatures } from './commands/show-features.ts';
import { CurrentDictionary } from './current-dictionary.ts';
import { DaemonLink } from './daemon/daemon-link.ts';
import { JobWatch } from './daemon/job-watch.ts';
import { FeaturePaint } from './decorations/feature-paint.ts';
import { registerFeaturePanel } from './panels/register-feature-panel.ts';
import { registerTrainingPanel } from './panels/register-training-panel.ts';
import { createDaemonStatusItem } from './status/daemon-status-item.ts';
import { createJobStatusItem } from './status/job-status-item.ts';
import type { Studio } from './studio.ts';
import { registerJobsView } from './views/jobs-view.ts';

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('SSAE Studio', { log: true });
  const link = new DaemonLink(context, log);
  const bookmarks = new Bookmarks(context.workspaceState);
  const studio: Studio = {
    context,
    log,
    link,
    jobs: new JobWatch(link),
    dictionary: new CurrentDictionary(),
    bookmarks,
  };
  const paint = new FeaturePaint();
  context.subscriptions.push(
    log,
    link,
    studio.jobs,
    studio.dictionary,
    bookmarks,
    paint,
    createDaemonStatusItem(link),
    createJobStatusItem(studio.jobs),
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
  registerFeaturePanel(studio);
  registerTrainingPanel(studio);
  registerJobsView(studio);
}
