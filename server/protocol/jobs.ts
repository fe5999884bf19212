/** Jobs as the daemon keeps and tells them. */
import { z } from 'zod';
import type { TrainingPoint } from '../foundation/training-point.ts';
import {
  DemoRequest,
  EvaluateRequest,
  FinetuneRequest,
  HarvestRequest,
  IngestRequest,
  RetrieveRequest,
  TrainRequest,
} from './requests.ts';
import { RunExperimentRequest, type RunResult } from './runs.ts';
import type {
  DemoResult,
  EvaluateResult,
  HarvestResult,
  IngestResult,
  RetrieveResult,
  TrainResult,
} from './results.ts';

/** What a job does: one long method of the services with its request. */
export const JobSpec = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ingest'), request: IngestRequest }),
  z.object({ kind: z.literal('retrieve'), request: RetrieveRequest }),
  z.object({ kind: z.literal('harvest'), request: HarvestRequest }),
  z.object({ kind: z.literal('train'), request: TrainRequest }),
  z.object({ kind: z.literal('finetune'), request: FinetuneRequest }),
  z.object({ kind: z.literal('evaluate'), request: EvaluateRequest }),
  z.object({ kind: z.literal('demo'), request: DemoRequest }),
  z.object({ kind: z.literal('experiment'), request: RunExperimentRequest }),
]);
export type JobSpec = z.infer<typeof JobSpec>;
export type JobKind = JobSpec['kind'];
export type JobResult =
  IngestResult | RetrieveResult | HarvestResult | TrainResult | EvaluateResult | DemoResult | RunResult;

/** `usage`: the call was wrong. `work`: the call was right and the work failed. `interrupted`: it was stopped by its owner. */
export const ErrorKind = z.enum(['usage', 'work', 'interrupted']);
export type ErrorKind = z.infer<typeof ErrorKind>;

export interface JobProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number | null;
  readonly unit: string;
  /** A live figure or two: "loss 0.123". */
  readonly note: string | null;
  /** Units a second, smoothed; null until it can be told. */
  readonly perSecond: number | null;
  /** Seconds until this stage's total is reached; null while unknown. */
  readonly secondsLeft: number | null;
  /** The latest figures of a training job; null for other work. */
  readonly point: TrainingPoint | null;
}

/** Why a paused job stands still: its owner asked, the daemon stopped in good order, or the daemon died under it. */
export const PauseReason = z.enum(['requested', 'daemon stopped', 'daemon died']);
export type PauseReason = z.infer<typeof PauseReason>;

/** queued → running → (paused → queued) → done | failed | cancelled. Times are ISO 8601. */
export type JobState =
  | { readonly kind: 'queued'; readonly since: string }
  | { readonly kind: 'running'; readonly since: string; readonly progress: JobProgress | null }
  | { readonly kind: 'paused'; readonly since: string; readonly reason: PauseReason }
  | { readonly kind: 'done'; readonly since: string }
  | {
      readonly kind: 'failed';
      readonly since: string;
      readonly error: { readonly kind: ErrorKind; readonly message: string };
    }
  | { readonly kind: 'cancelled'; readonly since: string };

export interface Job {
  readonly id: string;
  readonly kind: JobKind;
  /** What it is about, for lists: "entropy-ssae from builtin-gsae". */
  readonly title: string;
  readonly created: string;
  /** How often it was started; more than once after it was resumed. */
  readonly attempts: number;
  readonly state: JobState;
}

/** A job with what it was asked and, once it is done, what came of it. */
export interface JobDetail extends Job {
  readonly spec: JobSpec;
  readonly result: JobResult | null;
}

/** Whether a job in this state changes no more unless somebody resumes it. */
export function isSettled(state: JobState): boolean {
  return state.kind !== 'queued' && state.kind !== 'running';
}
