import * as vscode from 'vscode';
import type { Job } from '../../server/protocol/jobs.ts';
import { onSettingChange, setting } from '../settings.ts';
import type { Studio } from '../studio.ts';
import { describeState } from '../views/job-item.ts';
import { EXPERIMENT_FILES } from './experiment-files.ts';
import type { ExperimentJobs } from './experiment-jobs.ts';
import { experimentProgress } from './experiment-progress.ts';

const TOP = new vscode.Range(0, 0, 0, 0);

function lens(title: string, command: string, tooltip: string, ...args: readonly unknown[]): vscode.CodeLens {
  return new vscode.CodeLens(TOP, { title, command, tooltip, arguments: [...args] });
}

/** The row above an experiment: run it, see how far it is, stop it, read what came of it. */
export class ExperimentLenses implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #studio: Studio;
  readonly #jobs: ExperimentJobs;
  readonly #changes = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable;
  readonly onDidChangeCodeLenses = this.#changes.event;

  constructor(studio: Studio, jobs: ExperimentJobs) {
    this.#studio = studio;
    this.#jobs = jobs;
    const changed = (): void => {
      this.#changes.fire();
    };
    this.#subscriptions = vscode.Disposable.from(
      vscode.languages.registerCodeLensProvider(EXPERIMENT_FILES, this),
      jobs.onDidChange(changed),
      vscode.workspace.onDidGrantWorkspaceTrust(changed),
      onSettingChange(['codeLens.enabled'], changed),
    );
  }

  async provideCodeLenses({ uri }: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    if (!setting('codeLens.enabled') || !vscode.workspace.isTrusted) return [];
    const job = uri.scheme === 'untitled' ? undefined : this.#jobs.of(uri);
    const row = job === undefined ? [runLens(uri)] : lensesOf(uri, job);
    return (await this.#wasRun(uri)) ? [...row, lastRunLens(uri)] : row;
  }

  /** Whether there is a report to show. Lenses start no daemon: without one it is asked when the report is wanted. */
  async #wasRun(uri: vscode.Uri): Promise<boolean> {
    if (uri.scheme === 'untitled') return false;
    if (this.#studio.link.state.kind !== 'ready') return true;
    try {
      return (await this.#jobs.lastRun(uri)) !== null;
    } catch {
      return false;
    }
  }

  dispose(): void {
    this.#subscriptions.dispose();
    this.#changes.dispose();
  }
}

function runLens(uri: vscode.Uri): vscode.CodeLens {
  const tooltip = vscode.l10n.t(
    'Saves the file and runs it. Steps that were done before from equal inputs are not done again.',
  );
  return lens(vscode.l10n.t('$(play) Run'), 'ssae.runExperiment', tooltip, uri);
}

function lastRunLens(uri: vscode.Uri): vscode.CodeLens {
  const tooltip = vscode.l10n.t('The report of the run of this file that was done last');
  return lens(vscode.l10n.t('$(graph) Show Last Run'), 'ssae.showLastRun', tooltip, uri);
}

function lensesOf(uri: vscode.Uri, job: Job): vscode.CodeLens[] {
  const { state } = job;
  const cancel = lens(
    ...([vscode.l10n.t('$(debug-stop) Cancel'), 'ssae.cancelJob', vscode.l10n.t('What is done is kept')] as const),
    job,
  );
  const at = (icon: string, words: string, tooltip = vscode.l10n.t('Show the Jobs view')): vscode.CodeLens =>
    lens(`$(${icon}) ${words}`, 'ssae.jobs.focus', tooltip);
  switch (state.kind) {
    case 'queued':
      return [at('clock', vscode.l10n.t('Waiting for other jobs')), cancel];
    case 'running': {
      const { progress } = state;
      const words = progress === null ? vscode.l10n.t('Starting') : experimentProgress(progress);
      return [at('sync~spin', words, describeState(state)), cancel];
    }
    case 'paused': {
      const resume = lens(vscode.l10n.t('$(debug-continue) Resume'), 'ssae.runExperiment', describeState(state), uri);
      return [resume, cancel];
    }
    case 'failed':
      return [runLens(uri), at('error', vscode.l10n.t('Failed'), state.error.message)];
    case 'cancelled':
      return [runLens(uri), at('circle-slash', vscode.l10n.t('Cancelled'))];
    case 'done':
      return [runLens(uri)];
  }
}
