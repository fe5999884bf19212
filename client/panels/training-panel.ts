import * as vscode from 'vscode';
import type { JobDetail } from '../../server/protocol/jobs.ts';
import { isSettled } from '../../server/protocol/jobs.ts';
import * as messages from '../../server/protocol/messages.ts';
import { objectiveText } from '../../server/protocol/objective-text.ts';
import {
  FromTrainingPanel,
  type RunAction,
  type RunFacts,
  ToTrainingPanel,
} from '../../server/protocol/panels/training.ts';
import type { Objective } from '../../server/protocol/requests.ts';
import { tellFailure } from '../commands/command.ts';
import { setting } from '../settings.ts';
import type { Studio } from '../studio.ts';
import { RunFeed, runOf } from './run-feed.ts';
import { trainingWords } from './training-words.ts';
import { webviewPage } from './panel-page.ts';

/** Runs that the panel lists, newest first. */
const MAX_RUNS = 200;

/** The training panel: lists the training jobs, follows those that its page shows, and does with them what is asked there. */
export class TrainingPanel implements vscode.Disposable {
  readonly panel: vscode.WebviewPanel;
  readonly #studio: Studio;
  readonly #feed: RunFeed;
  readonly #subscriptions: vscode.Disposable;
  #shown: ReadonlySet<string> = new Set();
  /** A run to be shown when the list is told next. */
  #wanted: string | null;

  constructor(studio: Studio, panel: vscode.WebviewPanel, wanted: string | null) {
    this.panel = panel;
    this.#studio = studio;
    this.#wanted = wanted;
    panel.title = vscode.l10n.t('Training');
    this.#feed = new RunFeed(
      (message) => {
        this.#post(message);
      },
      (job) => this.#shown.has(job),
    );
    this.#subscriptions = vscode.Disposable.from(
      this.#feed,
      panel.webview.onDidReceiveMessage((message: unknown) => {
        const parsed = FromTrainingPanel.safeParse(message);
        if (parsed.success) this.#hear(parsed.data);
        else studio.log.warn(`training panel: a message is dropped: ${JSON.stringify(parsed.error.issues)}`);
      }),
      studio.jobs.onDidChange((job) => {
        this.#feed.take(job);
        if (isSettled(job.state) && this.#shown.has(job.id)) void this.#read(job.id);
      }),
      studio.link.onDidChangeState(({ kind }) => {
        // Another daemon: what was told between the two is in its files.
        if (kind === 'ready') void this.#list();
      }),
    );
    const { extensionUri } = studio.context;
    panel.webview.html = webviewPage(panel.webview, extensionUri, {
      ...{ name: 'training', title: panel.title, words: trainingWords() },
    });
  }

  /** Draws this run beside those that are drawn. */
  show(job: string): void {
    this.#wanted = job;
    void this.#list();
  }

  #post(message: ToTrainingPanel): void {
    void this.panel.webview.postMessage(message);
  }

  #hear(message: FromTrainingPanel): void {
    switch (message.type) {
      case 'show': {
        const before = this.#shown;
        this.#shown = new Set(message.jobs);
        // A page that shows nothing new has just been loaded again, or asks once more for what failed.
        const added = message.jobs.filter((job) => !before.has(job));
        if (added.length === 0 || before.size === 0) void this.#list();
        else for (const job of added) void this.#read(job);
        return;
      }
      case 'act':
        void this.#act(message.job, message.action).catch((error: unknown) => tellFailure(this.#studio.log, error));
    }
  }

  async #list(): Promise<void> {
    try {
      const jobs = await this.#studio.link.request(messages.ListJobs, {});
      const runs = jobs.map(runOf).filter((run) => run !== null);
      this.#post({ type: 'runs', runs: runs.reverse().slice(0, MAX_RUNS), show: this.#wanted });
      this.#wanted = null;
      await Promise.all([...this.#shown].map((job) => this.#read(job)));
    } catch (error) {
      this.#fail(null, error);
    }
  }

  /** Tells a run's history and facts. */
  async #read(job: string): Promise<void> {
    const { link, jobs } = this.#studio;
    this.#feed.hold(job);
    let last = 0;
    try {
      const history = await link.request(messages.ShowTrainingHistory, { job });
      const steps = Buffer.from(history.step, 'base64');
      if (steps.length >= 8) last = steps.readDoubleLE(steps.length - 8);
      this.#post(ToTrainingPanel.parse({ type: 'history', ...history }));
      this.#post(ToTrainingPanel.parse({ type: 'facts', facts: factsOf(await jobs.show(job)) }));
    } catch (error) {
      this.#fail(job, error);
    } finally {
      this.#feed.release(job, last);
    }
  }

  #fail(job: string | null, error: unknown): void {
    this.#studio.log.error(error instanceof Error ? error : String(error));
    this.#post({ type: 'failed', job, message: error instanceof Error ? error.message : String(error) });
  }

  async #act(job: string, action: RunAction): Promise<void> {
    const { jobs } = this.#studio;
    switch (action) {
      case 'pause':
        return jobs.pause(job);
      case 'resume':
        return jobs.resume(job);
      case 'cancel':
        return jobs.cancel(job);
      case 'compare':
        await vscode.commands.executeCommand('ssae.compareDictionaries', {
          dictionary: await this.#made(job),
          baseline: setting('baseline'),
        });
        return;
      case 'inspect':
        await vscode.commands.executeCommand('ssae.useDictionary', { name: await this.#made(job) });
        return;
      case 'reveal': {
        const { result } = await jobs.show(job);
        if (result === null || !('path' in result)) return;
        await vscode.commands.executeCommand('revealFileInOS', vscode.Uri.file(result.path));
      }
    }
  }

  /** The dictionary that a job has made. */
  async #made(job: string): Promise<string> {
    const { result } = await this.#studio.jobs.show(job);
    if (result === null || !('path' in result)) throw new Error(vscode.l10n.t('This run has made no dictionary yet.'));
    return result.dictionary;
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }
}

function objectiveWords(objective: Objective): string {
  if (objective.kind === 'erm') return vscode.l10n.t('ERM: mean of the loss');
  return objectiveText(objective);
}

function factsOf({ id, spec, result }: JobDetail): RunFacts {
  if (spec.kind !== 'train' && spec.kind !== 'finetune') throw new Error(`job ${id} trains nothing`);
  const { objective, engine, seed, batch, output } = spec.request;
  const made = result !== null && 'path' in result ? result : null;
  return {
    ...{ job: id, objective: objectiveWords(objective), engine: made?.engine ?? engine, seed, output },
    batch: batch ?? (made && made.tokens / made.steps),
    result: made,
  };
}
