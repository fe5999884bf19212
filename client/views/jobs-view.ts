import * as vscode from 'vscode';
import type { Job } from '../../server/protocol/jobs.ts';
import { command } from '../commands/command.ts';
import type { JobWatch } from '../daemon/job-watch.ts';
import type { Studio } from '../studio.ts';
import { JobItem } from './job-item.ts';

const REFRESH_MILLISECONDS = 500;

/** The Jobs view: newest first. Drawn anew at most twice a second, for a training job tells its progress ten times. */
class JobsView implements vscode.TreeDataProvider<Job>, vscode.Disposable {
  readonly #jobs: JobWatch;
  readonly #changes = new vscode.EventEmitter<undefined>();
  readonly #subscription: vscode.Disposable;
  readonly onDidChangeTreeData = this.#changes.event;
  #timer: NodeJS.Timeout | null = null;

  constructor(jobs: JobWatch) {
    this.#jobs = jobs;
    this.#subscription = jobs.onDidChange(() => {
      this.#timer ??= setTimeout(() => {
        this.#timer = null;
        this.#changes.fire(undefined);
      }, REFRESH_MILLISECONDS);
    });
  }

  getChildren(parent?: Job): Job[] {
    return parent === undefined ? [...this.#jobs.all] : [];
  }

  getTreeItem(job: Job): vscode.TreeItem {
    return new JobItem(job);
  }

  dispose(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#subscription.dispose();
    this.#changes.dispose();
  }
}

/** The view with its commands. */
export function registerJobsView(studio: Studio): void {
  const { log, jobs } = studio;
  const provider = new JobsView(jobs);
  const view = vscode.window.createTreeView('ssae.jobs', { treeDataProvider: provider });
  const act = (id: string, run: (job: string) => Promise<void>): vscode.Disposable =>
    command(log, id, async (job?: Partial<Job>) => {
      if (typeof job?.id === 'string') await run(job.id);
    });
  studio.context.subscriptions.push(
    provider,
    view,
    act('ssae.pauseJob', (job) => jobs.pause(job)),
    act('ssae.resumeJob', (job) => jobs.resume(job)),
    act('ssae.cancelJob', (job) => jobs.cancel(job)),
    command(log, 'ssae.showJobTraining', async (job?: Partial<Job>) => {
      await vscode.commands.executeCommand('ssae.showTraining', { job: job?.id });
    }),
  );
}
