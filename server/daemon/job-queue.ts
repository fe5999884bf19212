import { randomBytes } from 'node:crypto';
import { messageOf, unknownName, UsageError } from '../foundation/errors.ts';
import type { Progress } from '../foundation/progress.ts';
import {
  isSettled,
  type Job,
  type JobDetail,
  type JobResult,
  type JobSpec,
  type PauseReason,
} from '../protocol/jobs.ts';
import { advance, begin, type JobRecord } from './job-record.ts';
import { type JobEvent, JobJournal } from './job-journal.ts';
import type { JobOutcome, JobRun } from './job-run.ts';
import type { Log } from './log.ts';
import { Pace } from './pace.ts';

export interface JobQueueOptions {
  /** Folder of the journals. */
  readonly folder: string;
  /** Jobs that run at the same time. */
  readonly parallel: number;
  readonly start: (spec: JobSpec, report: (progress: Progress) => void) => JobRun;
  readonly log: Log;
}

/** Finished jobs that are remembered; the oldest beyond are forgotten when the daemon starts. */
const MAX_REMEMBERED = 500;

/** A job that runs, and what its owner wants of it once it stops. */
interface Running {
  readonly run: JobRun;
  wish: 'finish' | 'cancel' | PauseReason;
  readonly ended: Promise<void>;
}

/** All jobs: a queue in order of arrival, journaled so that a daemon that died knows on its next start what it was doing. */
export class JobQueue {
  readonly #options: JobQueueOptions;
  readonly #records: Map<string, JobRecord>;
  readonly #running = new Map<string, Running>();
  readonly #listeners = new Set<(job: Job) => void>();
  #stopping = false;
  #settled = Promise.resolve();

  private constructor(options: JobQueueOptions, records: Map<string, JobRecord>) {
    this.#options = options;
    this.#records = records;
  }

  /** Reads the journals. What ran when the daemon died is paused; what waited waits on, and is started now. */
  static async open(options: JobQueueOptions): Promise<JobQueue> {
    const journals = await JobJournal.all(options.folder);
    const records = new Map<string, JobRecord>();
    for (const journal of journals) {
      try {
        await journal.mend();
        const [created, ...later] = await journal.read();
        const record = later.reduce(advance, begin(created, journal));
        records.set(created.id, record);
      } catch (error) {
        options.log.error(`a journal is left aside: ${messageOf(error)}`);
      }
    }
    const queue = new JobQueue(options, records);
    for (const { job } of [...records.values()])
      if (job.state.kind === 'running')
        await queue.#record(job.id, { event: 'paused', at: now(), reason: 'daemon died' });
    await queue.#forgetOldest();
    queue.#startNext();
    return queue;
  }

  get counts(): { queued: number; running: number } {
    const kinds = [...this.#records.values()].map(({ job }) => job.state.kind);
    return {
      queued: kinds.filter((kind) => kind === 'queued').length,
      running: kinds.filter((kind) => kind === 'running').length,
    };
  }

  /** Calls back with every job that changes or gets further, until the returned function is called. */
  onChange(listener: (job: Job) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  list(): readonly Job[] {
    return [...this.#records.values()].map(({ job }) => job);
  }

  /** @throws UsageError when there is no such job. */
  get(id: string): Job {
    return this.#find(id).job;
  }

  async show(id: string): Promise<JobDetail> {
    const { job, spec, journal } = this.#find(id);
    const done = job.state.kind === 'done' ? (await journal.read()).findLast(({ event }) => event === 'done') : null;
    return { ...job, spec, result: done?.event === 'done' ? (done.result as JobResult) : null };
  }

  async add(spec: JobSpec): Promise<Job> {
    const at = now();
    const id = `${at.replace(/\D/g, '')}-${spec.kind}-${randomBytes(3).toString('hex')}`;
    const journal = new JobJournal(this.#options.folder, id);
    const created = { event: 'created', at, id, spec } as const;
    await journal.append(created);
    this.#records.set(id, begin(created, journal));
    this.#tell(id);
    this.#startNext();
    return this.#find(id).job;
  }

  async cancel(id: string): Promise<Job> {
    return this.#end(id, 'cancel');
  }

  async pause(id: string): Promise<Job> {
    return this.#end(id, 'requested');
  }

  async resume(id: string): Promise<Job> {
    const { job } = this.#find(id);
    if (!isSettled(job.state) || job.state.kind === 'done')
      throw new UsageError(`job ${id} is ${job.state.kind}; only a paused, failed or cancelled job can be resumed`);
    await this.#record(id, { event: 'resumed', at: now() });
    this.#startNext();
    return this.#find(id).job;
  }

  /** Pauses what runs, within the grace time, and starts nothing more. */
  async stop(graceMilliseconds: number): Promise<void> {
    this.#stopping = true;
    for (const running of this.#running.values()) {
      if (running.wish === 'finish') running.wish = 'daemon stopped';
      running.run.stop(graceMilliseconds);
    }
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
    await this.#settled;
  }

  async #end(id: string, wish: 'cancel' | 'requested'): Promise<Job> {
    const { job } = this.#find(id);
    const running = this.#running.get(id);
    if (running !== undefined) {
      running.wish = wish;
      running.run.stop();
      await running.ended;
    } else if (job.state.kind === 'queued' || (wish === 'cancel' && job.state.kind === 'paused')) {
      await this.#record(id, endEvent(wish));
    } else if (job.state.kind !== (wish === 'cancel' ? 'cancelled' : 'paused')) {
      throw new UsageError(
        `job ${id} is ${job.state.kind}; there is nothing to ${wish === 'cancel' ? 'cancel' : 'pause'}`,
      );
    }
    return this.#find(id).job;
  }

  #startNext(): void {
    for (const { job } of this.#records.values()) {
      if (this.#stopping || this.#running.size >= this.#options.parallel) return;
      if (job.state.kind === 'queued' && !this.#running.has(job.id)) this.#launch(job.id);
    }
  }

  #launch(id: string): void {
    const record = this.#find(id);
    const pace = new Pace();
    let told: string | undefined;
    const run = this.#options.start(specFor(record), (progress) => {
      if (progress.notice !== undefined && progress.notice !== told) {
        told = progress.notice;
        this.#options.log.info(`job ${id} ${told}`);
      }
      this.#progress(id, progress, pace);
    });
    const ended = this.#attend(id, run).finally(() => {
      this.#running.delete(id);
      this.#startNext();
    });
    this.#running.set(id, { run, wish: 'finish', ended });
  }

  /** Journals a run's begin and end. A journal that cannot be written (disk full) fails the job, not the daemon. */
  async #attend(id: string, run: JobRun): Promise<void> {
    try {
      await this.#record(id, { event: 'started', at: now() });
      const outcome = await run.outcome;
      await this.#record(id, eventFor(outcome, this.#running.get(id)?.wish ?? 'finish'));
    } catch (error) {
      run.stop();
      await run.outcome;
      this.#options.log.error(messageOf(error));
      const failed = { event: 'failed', at: now(), error: { kind: 'work', message: messageOf(error) } } as const;
      this.#records.set(id, advance(this.#find(id), failed));
      this.#tell(id);
    }
  }

  #progress(id: string, progress: Progress, pace: Pace): void {
    const record = this.#find(id);
    if (record.job.state.kind !== 'running') return;
    const state = { ...record.job.state, progress: pace.measure(progress) };
    this.#records.set(id, { ...record, job: { ...record.job, state } });
    this.#tell(id);
  }

  /** First on the disk, then in memory, then to whoever listens. Events of all jobs are written one after the other. */
  async #record(id: string, event: JobEvent): Promise<void> {
    const written = this.#settled.then(async () => {
      await this.#find(id).journal.append(event);
      this.#records.set(id, advance(this.#find(id), event));
    });
    this.#settled = written.catch(() => undefined);
    await written;
    const why = event.event === 'failed' ? `: ${event.error.message}` : '';
    this.#options.log.info(`job ${id} ${event.event}${why}`);
    this.#tell(id);
  }

  #tell(id: string): void {
    const { job } = this.#find(id);
    for (const listener of this.#listeners) listener(job);
  }

  #find(id: string): JobRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw unknownName('job', id, [...this.#records.keys()].slice(-20));
    return record;
  }

  async #forgetOldest(): Promise<void> {
    const settled = [...this.#records.values()].filter(
      ({ job }) => isSettled(job.state) && job.state.kind !== 'paused',
    );
    for (const { job, journal } of settled.slice(0, Math.max(0, settled.length - MAX_REMEMBERED))) {
      this.#records.delete(job.id);
      await journal.remove();
    }
  }
}

const now = (): string => new Date().toISOString();

function endEvent(wish: 'cancel' | PauseReason): JobEvent {
  return wish === 'cancel' ? { event: 'cancelled', at: now() } : { event: 'paused', at: now(), reason: wish };
}

function eventFor(outcome: JobOutcome, wish: Running['wish']): JobEvent {
  const at = now();
  switch (outcome.kind) {
    case 'done':
      return { event: 'done', at, result: outcome.result };
    case 'terminated':
      return endEvent(wish === 'finish' ? 'requested' : wish);
    case 'failed':
      if (outcome.error.kind === 'interrupted' && wish !== 'finish') return endEvent(wish);
      return { event: 'failed', at, error: outcome.error };
  }
}

/** A job that was started before goes on where it was, where its kind can; the others do their work again. */
function specFor({ job, spec }: JobRecord): JobSpec {
  if (job.attempts === 0) return spec;
  switch (spec.kind) {
    case 'train':
      return { ...spec, request: { ...spec.request, resume: true } };
    case 'finetune':
      return { ...spec, request: { ...spec.request, resume: true } };
    case 'ingest':
    case 'retrieve':
    case 'harvest':
    case 'evaluate':
    case 'demo':
    case 'experiment':
      return spec;
  }
}
