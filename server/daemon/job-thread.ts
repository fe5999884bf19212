import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { Interrupted, messageOf, UsageError } from '../foundation/errors.ts';
import { Home } from '../foundation/home.ts';
import type { JobControl, Progress } from '../foundation/progress.ts';
import type { ErrorKind, JobResult, JobSpec } from '../protocol/jobs.ts';
import type { Services } from '../services/services.ts';
import type { JobThreadData, JobThreadMessage } from './job-run.ts';

/** Progress is told at most this often, at every new stage, and with every notice. */
const REPORT_MILLISECONDS = 100;

function tell(message: JobThreadMessage): void {
  parentPort?.postMessage(message);
}

function controlByMessages(): JobControl {
  const stop = new AbortController();
  parentPort?.on('message', () => {
    stop.abort();
  });
  let stage: string | null = null;
  let reported = 0;
  return {
    signal: stop.signal,
    report: (progress: Progress) => {
      const now = performance.now();
      const isDue = progress.stage !== stage || now - reported >= REPORT_MILLISECONDS;
      if (!isDue && progress.notice === undefined) return;
      stage = progress.stage;
      reported = now;
      tell({ kind: 'progress', progress });
    },
  };
}

async function perform(services: Services, spec: JobSpec, control: JobControl): Promise<JobResult> {
  switch (spec.kind) {
    case 'ingest':
      return services.ingest(spec.request, control);
    case 'retrieve':
      return services.retrieve(spec.request, control);
    case 'harvest':
      return services.harvest(spec.request, control);
    case 'train':
      return services.train(spec.request, control);
    case 'finetune':
      return services.finetune(spec.request, control);
    case 'evaluate':
      return services.evaluate(spec.request, control);
    case 'demo':
      return services.demo(spec.request, control);
    case 'experiment':
      return services.runExperiment(spec.request, control);
  }
}

export function errorKind(error: unknown): ErrorKind {
  if (error instanceof UsageError) return 'usage';
  return error instanceof Interrupted ? 'interrupted' : 'work';
}

/**
 * On Linux a thread has a priority of its own, inherited by the threads it starts: jobs run below the daemon's own thread, so
 * that a query gets a core at once however many of them the job keeps busy. Elsewhere the scheduler's fairness has to do.
 */
function yieldToQueries(): void {
  if (process.platform !== 'linux') return;
  try {
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Without /proc, or forbidden: the job runs at the usual priority.
  }
}

/** The whole of a job's thread: opens services of its own, does the job it was given, tells how it went, and ends. */
export async function runJobThread(openServices: (home: Home) => Services | Promise<Services>): Promise<void> {
  const { home, spec } = workerData as JobThreadData;
  const control = controlByMessages();
  yieldToQueries();
  try {
    await using services = await openServices(new Home(home));
    tell({ kind: 'done', result: await perform(services, spec, control) });
  } catch (error) {
    tell({ kind: 'failed', error: { kind: errorKind(error), message: messageOf(error) } });
  }
  parentPort?.close();
}
