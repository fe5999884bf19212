import * as vscode from 'vscode';
import type { Job, JobDetail, JobSpec } from '../../server/protocol/jobs.ts';
import type { DaemonLink } from './daemon-link.ts';

/** The daemon's jobs as this window knows them. They belong to the daemon: they go on when the window is closed. */
export class JobWatch implements vscode.Disposable {
  readonly #link: DaemonLink;
  readonly #jobs = new Map<string, Job>();
  readonly #changes = new vscode.EventEmitter<Job>();
  readonly #subscriptions: vscode.Disposable;
  /** A job has another state or has got further. */
  readonly onDidChange = this.#changes.event;

  constructor(link: DaemonLink) {
    this.#link = link;
    this.#subscriptions = vscode.Disposable.from(
      link.onDidLose(() => void this.#askAnew()),
      link.onDidChangeJob((job) => {
        this.#jobs.set(job.id, job);
        this.#changes.fire(job);
      }),
    );
  }

  /** Newest first. */
  get all(): readonly Job[] {
    return [...this.#jobs.values()].sort((a, b) => (a.created < b.created ? 1 : -1));
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  async start(spec: JobSpec): Promise<Job> {
    const { StartJob } = await import('../../server/protocol/messages.ts');
    return this.#link.request(StartJob, spec);
  }

  async show(id: string): Promise<JobDetail> {
    const { ShowJob } = await import('../../server/protocol/messages.ts');
    return this.#link.request(ShowJob, { job: id });
  }

  async pause(id: string): Promise<void> {
    const { PauseJob } = await import('../../server/protocol/messages.ts');
    await this.#link.request(PauseJob, { job: id });
  }

  async resume(id: string): Promise<void> {
    const { ResumeJob } = await import('../../server/protocol/messages.ts');
    await this.#link.request(ResumeJob, { job: id });
  }

  async cancel(id: string): Promise<void> {
    const { CancelJob } = await import('../../server/protocol/messages.ts');
    await this.#link.request(CancelJob, { job: id });
  }

  /** Settles with the job once it changes no more by itself. */
  async settled(id: string): Promise<Job> {
    const { isSettled } = await import('../../server/protocol/jobs.ts');
    const known = this.#jobs.get(id);
    if (known !== undefined && isSettled(known.state)) return known;
    return new Promise((resolve) => {
      const subscription = this.onDidChange((job) => {
        if (job.id !== id || !isSettled(job.state)) return;
        subscription.dispose();
        resolve(job);
      });
    });
  }

  /** Jobs that ran when the daemon died are paused by the next one: it is started to say so. */
  async #askAnew(): Promise<void> {
    const { isSettled } = await import('../../server/protocol/jobs.ts');
    if (![...this.#jobs.values()].some(({ state }) => !isSettled(state))) return;
    const { ShowStatus } = await import('../../server/protocol/messages.ts');
    await this.#link.request(ShowStatus, {}).catch(() => undefined); // Told by whoever asks next.
  }

  dispose(): void {
    this.#subscriptions.dispose();
    this.#changes.dispose();
  }
}
