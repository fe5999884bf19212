import { Worker } from 'node:worker_threads';
import type { Progress } from '../foundation/progress.ts';
import type { ErrorKind, JobResult, JobSpec } from '../protocol/jobs.ts';

/** What a job's thread is given. */
export interface JobThreadData {
  readonly home: string;
  readonly spec: JobSpec;
}

/** What a job's thread tells. Exactly one message other than progress, and it is the last. */
export type JobThreadMessage =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'done'; readonly result: JobResult }
  | { readonly kind: 'failed'; readonly error: { readonly kind: ErrorKind; readonly message: string } };

export type JobOutcome = Exclude<JobThreadMessage, { kind: 'progress' }> | { readonly kind: 'terminated' };

/** Milliseconds that a job has between being asked to stop and being ended: enough to write a checkpoint. */
const GRACE_MILLISECONDS = 8000;

/**
 * One job in a worker thread of its own, so that the daemon answers while it runs. The thread, and the threads that it starts,
 * end with the process whatever way it ends; there is nothing to be orphaned.
 */
export class JobRun {
  readonly outcome: Promise<JobOutcome>;
  readonly #worker: Worker;
  #grace: NodeJS.Timeout | null = null;

  constructor(program: string, data: JobThreadData, report: (progress: Progress) => void) {
    this.#worker = new Worker(program, { workerData: data, name: `ssae ${data.spec.kind}` });
    this.outcome = this.#watch(report).finally(() => {
      if (this.#grace !== null) clearTimeout(this.#grace);
    });
  }

  /** Asks the job to stop at its next checkpoint; ends it by force when it does not. */
  stop(graceMilliseconds = GRACE_MILLISECONDS): void {
    if (this.#grace !== null) return;
    this.#worker.postMessage('stop');
    this.#grace = setTimeout(() => void this.#worker.terminate(), graceMilliseconds);
  }

  #watch(report: (progress: Progress) => void): Promise<JobOutcome> {
    return new Promise((settle) => {
      let told: JobOutcome | null = null;
      this.#worker.on('message', (message: JobThreadMessage) => {
        if (message.kind === 'progress') report(message.progress);
        else told = message;
      });
      this.#worker.on('error', (error) => {
        told = { kind: 'failed', error: { kind: 'work', message: `the job's thread failed: ${error.message}` } };
      });
      this.#worker.on('exit', (status) => {
        const silent: JobOutcome =
          this.#grace === null
            ? { kind: 'failed', error: { kind: 'work', message: `the job's thread exited with status ${status}` } }
            : { kind: 'terminated' };
        settle(told ?? silent);
      });
    });
  }
}
