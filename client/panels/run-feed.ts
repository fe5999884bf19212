import type { Job } from '../../server/protocol/jobs.ts';
import type { Run, RunPoint, ToTrainingPanel } from '../../server/protocol/panels/training.ts';

/** Messages to the page are gathered for so long: four times a second is as often as eyes follow. */
const GATHER_MILLISECONDS = 250;

/** A training job as the panel lists it; null for other jobs. */
export function runOf({ id, kind, title, created, attempts, state }: Job): Run | null {
  if (kind !== 'train' && kind !== 'finetune') return null;
  const reason = state.kind === 'paused' ? state.reason : state.kind === 'failed' ? state.error.message : null;
  const told = state.kind === 'running' ? state.progress : null;
  const progress =
    told === null
      ? null
      : {
          ...{ stage: told.stage, done: told.done, total: told.total, unit: told.unit },
          ...{ perSecond: told.perSecond, secondsLeft: told.secondsLeft },
        };
  return { job: id, kind, title, created, attempts, state: state.kind, reason, progress };
}

function pointOf({ state }: Job): RunPoint | null {
  const point = state.kind === 'running' ? (state.progress?.point ?? null) : null;
  if (point === null) return null;
  const { step, loss, effectiveSampleSize, l0, explainedVariance, deadShare, tilt, divergence, batch } = point;
  return { step, loss, effectiveSampleSize, l0, explainedVariance, deadShare, tilt, divergence, batch };
}

/** Gathers what jobs tell and passes it on in few messages. Points of a run whose history is being read wait until it has come. */
export class RunFeed {
  readonly #post: (message: ToTrainingPanel) => void;
  readonly #shows: (job: string) => boolean;
  readonly #runs = new Map<string, Run>();
  readonly #points = new Map<string, RunPoint[]>();
  readonly #held = new Set<string>();
  #timer: NodeJS.Timeout | null = null;

  constructor(post: (message: ToTrainingPanel) => void, shows: (job: string) => boolean) {
    this.#post = post;
    this.#shows = shows;
  }

  take(job: Job): void {
    const run = runOf(job);
    if (run === null) return;
    this.#runs.set(run.job, run);
    const point = pointOf(job);
    if (point !== null && this.#shows(run.job)) {
      const points = this.#points.get(run.job) ?? [];
      // A resumed run goes back to its checkpoint: what it told after that is told anew.
      while (points.length > 0 && points.at(-1)!.step >= point.step) points.pop();
      this.#points.set(run.job, [...points, point]);
    }
    this.#timer ??= setTimeout(() => {
      this.#flush();
    }, GATHER_MILLISECONDS);
  }

  /** From now on this run's points wait for {@link release}. */
  hold(job: string): void {
    this.#held.add(job);
    this.#points.delete(job);
  }

  /** Its history, up to and including `lastStep`, is with the page. */
  release(job: string, lastStep: number): void {
    this.#held.delete(job);
    const later = (this.#points.get(job) ?? []).filter(({ step }) => step > lastStep);
    this.#points.set(job, later);
    this.#flush();
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (const run of this.#runs.values()) this.#post({ type: 'run', run });
    this.#runs.clear();
    for (const [job, points] of this.#points) {
      if (this.#held.has(job)) continue;
      if (points.length > 0) this.#post({ type: 'points', job, points });
      this.#points.delete(job);
    }
  }

  dispose(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
