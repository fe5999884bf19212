import * as vscode from 'vscode';
import { command } from './commands/command.ts';
import { copyDiagnostics, restartDaemon } from './commands/daemon-commands.ts';
import { registerHighlightCommands } from './commands/highlight-commands.ts';
import { CurrentDictionary } from './current-dictionary.ts';
import { DaemonLink } from './daemon/daemon-link.ts';
import { JobWatch } from './daemon/job-watch.ts';
import { Highlights } from './decorations/highlights.ts';
import { registerTokenHover } from './hover/token-hover.ts';
import { MeasureChoice } from './measure-choice.ts';
import { createDictionaryStatusItem } from './status/dictionary-status-item.ts';
import type { Studio } from './studio.ts';

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('SSAE Studio', { log: true });
  const link = new DaemonLink(context, log);
  const studio: Studio = { context, log, link, jobs: new JobWatch(link), dictionary: new CurrentDictionary() };
  const choice = new MeasureChoice(context.workspaceState);
  const highlights = new Highlights(studio, choice);
  context.subscriptions.push(
    log,
    link,
    studio.jobs,
    studio.dictionary,
    choice,
    highlights,
    createDictionaryStatusItem(studio, highlights, choice),
    registerHighlightCommands(studio, highlights, choice),
    registerTokenHover(studio, highlights, choice),
    command(log, 'ssae.restartDaemon', async () => {
      await restartDaemon(link);
      highlights.retry();
    }),
    command(log, 'ssae.copyDiagnostics', () => copyDiagnostics(link)),
    command(log, 'ssae.showLog', () => {
      log.show(true);
    }),
  );
  void link.attach();
}
