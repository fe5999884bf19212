import { Interrupted } from './errors.ts';
import type { TrainingPoint } from './training-point.ts';

/** How far a piece of work is. `total` is null while it is not known. */
export interface Progress {
  /** What is being done now, in words a person reads: "indexing passages". */
  readonly stage: string;
  readonly done: number;
  readonly total: number | null;
  /** Unit of `done` and `total`: "tokens", "passages", "steps". */
  readonly unit: string;
  /** A live figure or two to show beside the bar: "loss 0.123". */
  readonly note?: string;
  /** What is to be told once and kept, in a line of a terminal or of a log, however often progress is told: "engine: cpu". */
  readonly notice?: string;
  /** The latest figures of a training run. */
  readonly point?: TrainingPoint;
}

/** How long work is watched and stopped. Every function that takes more than a second takes one. */
export interface JobControl {
  readonly signal: AbortSignal;
  report(progress: Progress): void;
}

/** Work that nobody watches and nobody stops. */
export const unwatched: JobControl = { signal: new AbortController().signal, report: () => undefined };

/** Throws {@link Interrupted} once the owner has asked the work to stop. */
export function throwIfStopped(control: JobControl, resumeHint: string | null = null): void {
  if (control.signal.aborted) throw new Interrupted(resumeHint);
}
