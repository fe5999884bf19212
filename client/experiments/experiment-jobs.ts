import * as vscode from 'vscode';
import type { Job } from '../../server/protocol/jobs.ts';
import type { RunSummary } from '../../server/protocol/runs.ts';
import type { Studio } from '../studio.ts';
import { keyOfFile } from './experiment-files.ts';

const REFRESH_MILLISECONDS = 400;

/** What the daemon knows of an experiment's file: the job that was started last with it, and the run that was done last. */
export class ExperimentJobs implements vscode.Disposable {
  readonly #studio: Studio;
  /** Key of the file of each experiment's job. */
  readonly #files = new Map<string, string>();
  readonly #asked = new Set<string>();
  readonly #changes = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable;
  /** Fires at most a few times a second, however often a job tells of itself. */
  readonly onDidChange = this.#changes.event;
  #runs: Promise<readonly RunSummary[]> | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(studio: Studio) {
    this.#studio = studio;
    this.#subscriptions = vscode.Disposable.from(
      studio.jobs.onDidChange((job) => void this.#learn(job)),
      studio.link.onDidChangeState(() => {
        this.#runs = null;
        this.#changed();
      }),
    );
  }

  of(uri: vscode.Uri): Job | undefined {
    const key = keyOfFile(uri.fsPath);
    return this.#studio.jobs.all.find(({ id }) => this.#files.get(id) === key);
  }

  /** Names the file of a job before the daemon is asked. */
  note(job: Job, uri: vscode.Uri): void {
    this.#files.set(job.id, keyOfFile(uri.fsPath));
    this.#changed();
  }

  /** The run of a file that was done last; null where there is none. Starts the daemon where none runs. */
  async lastRun(uri: vscode.Uri): Promise<RunSummary | null> {
    const key = keyOfFile(uri.fsPath);
    this.#runs ??= this.#list();
    const done = (await this.#runs).filter(({ file, state }) => state === 'done' && keyOfFile(file) === key);
    return done.reduce<RunSummary | null>(
      (last, run) => (last === null || run.started > last.started ? run : last),
      null,
    );
  }

  #list(): Promise<readonly RunSummary[]> {
    const listed = import('../../server/protocol/messages.ts').then(({ ListRuns }) =>
      this.#studio.link.request(ListRuns, {}),
    );
    listed.catch(() => (this.#runs = null));
    return listed;
  }

  async #learn({ id, kind, state }: Job): Promise<void> {
    if (kind !== 'experiment') return;
    if (state.kind === 'done') this.#runs = null;
    this.#changed();
    if (this.#files.has(id) || this.#asked.has(id)) return;
    this.#asked.add(id);
    try {
      const { spec } = await this.#studio.jobs.show(id);
      if (spec.kind === 'experiment') this.#files.set(id, keyOfFile(spec.request.file));
      this.#changed();
    } catch (error) {
      this.#asked.delete(id);
      this.#studio.log.debug(String(error));
    }
  }

  #changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#changes.fire();
    }, REFRESH_MILLISECONDS);
  }

  dispose(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#subscriptions.dispose();
    this.#changes.dispose();
  }
}
