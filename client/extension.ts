import * as vscode from 'vscode';
import type { SsaeStudioApi } from './api.ts';
import { Bookmarks } from './bookmarks.ts';
import { command } from './commands/command.ts';
import { copyDiagnostics, restartDaemon } from './commands/daemon-commands.ts';
import { registerFirstSteps } from './commands/first-steps.ts';
import { registerHighlightCommands } from './commands/highlight-commands.ts';
import { createApi } from './create-api.ts';
import { CurrentDictionary } from './current-dictionary.ts';
import { DaemonLink } from './daemon/daemon-link.ts';
import { JobWatch } from './daemon/job-watch.ts';
import { Highlights } from './decorations/highlights.ts';
import { createExperiments } from './experiments/experiments.ts';
import { registerCompareDictionaries } from './features/compare-dictionaries.ts';
import { registerFeatureCommands } from './features/feature-commands.ts';
import { FeaturesView } from './features/features-view.ts';
import { registerTokenHover } from './hover/token-hover.ts';
import { MeasureChoice } from './measure-choice.ts';
import { registerFeaturePanel } from './panels/register-feature-panel.ts';
import { registerTrainingPanel } from './panels/register-training-panel.ts';
import { createRecordLenses } from './records/record-lenses.ts';
import { registerSeedCommands } from './seeds/seed-commands.ts';
import { SeedPlaces } from './seeds/seed-places.ts';
import { SeedSets } from './seeds/seed-sets.ts';
import { SeedsView } from './seeds/seeds-view.ts';
import { createDaemonNotices } from './status/daemon-notices.ts';
import { createDictionaryStatusItem } from './status/dictionary-status-item.ts';
import { createJobStatusItem } from './status/job-status-item.ts';
import { createStoredTexts } from './stored-texts.ts';
import type { Studio } from './studio.ts';
import { registerJobsView } from './views/jobs-view.ts';

const ATTACH_MILLISECONDS = 500;

export function activate(context: vscode.ExtensionContext): SsaeStudioApi {
  const studio = createStudio(context);
  const { log, link, jobs, dictionary, bookmarks } = studio;
  const choice = new MeasureChoice(context.workspaceState);
  const highlights = new Highlights(studio, choice);
  const features = new FeaturesView(studio, choice);
  context.subscriptions.push(
    ...[features, log, link, jobs, dictionary, bookmarks, choice, highlights],
    createDictionaryStatusItem(studio, highlights, choice),
    createJobStatusItem(jobs),
    createDaemonNotices(studio),
    registerHighlightCommands(studio, highlights, choice),
    registerFirstSteps(studio, highlights),
    registerTokenHover(studio, highlights, choice),
    registerFeatureCommands(studio, features),
    registerCompareDictionaries(studio, highlights, choice),
    createStoredTexts(studio),
    createExperiments(studio),
    createRecordLenses(studio, highlights, choice),
    ...createSeeds(studio),
    command(log, 'ssae.restartDaemon', async () => {
      await restartDaemon(link);
      highlights.retry();
    }),
    command(log, 'ssae.copyDiagnostics', () => copyDiagnostics(link)),
    command(log, 'ssae.showLog', () => {
      log.show(true);
    }),
  );
  registerFeaturePanel(studio);
  registerTrainingPanel(studio);
  registerJobsView(studio);
  // What that loads is no part of the editor's start.
  const attaching = setTimeout(() => void link.attach(), ATTACH_MILLISECONDS);
  context.subscriptions.push({
    dispose: () => {
      clearTimeout(attaching);
    },
  });
  return createApi(studio, highlights);
}

function createStudio(context: vscode.ExtensionContext): Studio {
  const log = vscode.window.createOutputChannel('SSAE Studio', { log: true });
  const link = new DaemonLink(context, log);
  return {
    ...{ context, log, link, jobs: new JobWatch(link), dictionary: new CurrentDictionary() },
    bookmarks: new Bookmarks(context.workspaceState),
  };
}

function createSeeds(studio: Studio): { dispose: () => unknown }[] {
  const sets = new SeedSets();
  const view = new SeedsView(sets);
  const tree = vscode.window.createTreeView('ssae.seeds', { treeDataProvider: view, showCollapseAll: true });
  return [sets, view, tree, new SeedPlaces(sets), registerSeedCommands(studio, sets)];
}
