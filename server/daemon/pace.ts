import type { Progress } from '../foundation/progress.ts';
import type { JobProgress } from '../protocol/jobs.ts';

/** Seconds over which the rate is smoothed: long enough to be steady, short enough to follow a change of load. */
const SMOOTHING_SECONDS = 10;

/** Turns progress into rate and estimate. One a job; a new stage starts anew. */
export class Pace {
  #stage: string | null = null;
  #done = 0;
  #at = 0;
  #rate: number | null = null;

  /** @param seconds a clock that never goes back. */
  measure(progress: Progress, seconds = performance.now() / 1000): JobProgress {
    const { stage, done, total, unit, note = null, point = null } = progress;
    if (stage !== this.#stage || done < this.#done) {
      this.#stage = stage;
      this.#rate = null;
      this.#done = done;
      this.#at = seconds;
    } else if (done > this.#done && seconds > this.#at) {
      const elapsed = seconds - this.#at;
      const rate = (done - this.#done) / elapsed;
      const weight = 1 - Math.exp(-elapsed / SMOOTHING_SECONDS);
      this.#rate = this.#rate === null ? rate : this.#rate + weight * (rate - this.#rate);
      this.#done = done;
      this.#at = seconds;
    }
    const secondsLeft = this.#rate === null || total === null ? null : Math.max(0, (total - done) / this.#rate);
    return { stage, done, total, unit, note, perSecond: this.#rate, secondsLeft, point };
  }
}
