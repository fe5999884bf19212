import type { Progress } from '../foundation/progress.ts';
import type { JobProgress } from '../protocol/jobs.ts';

/** Seconds over which the rate is smoothed: long enough to be steady, short enough to follow a change of load. */
const SMOOTHING_SECONDS = 10;

/** A silence so many times the usual one, and of so many seconds, is a machine that was suspended, or another thing than the work. */
const GAP_TIMES = 20;
const GAP_SECONDS = 3;

/** Turns progress into rate and estimate. One a job; a new stage starts anew. */
export class Pace {
  #stage: string | null = null;
  #done = 0;
  #at = 0;
  #rate: number | null = null;
  /** Seconds between two reports that got further, smoothed. */
  #usual: number | null = null;
  #skipped = false;

  /** @param seconds a clock that never goes back. */
  measure(progress: Progress, seconds = performance.now() / 1000): JobProgress {
    const { stage, done, total, unit, note = null, point = null } = progress;
    if (stage !== this.#stage || done < this.#done) {
      this.#stage = stage;
      this.#rate = null;
      this.#usual = null;
      this.#done = done;
      this.#at = seconds;
    } else if (done > this.#done && seconds > this.#at) {
      const elapsed = seconds - this.#at;
      this.#skipped = this.#isGap(elapsed);
      if (!this.#skipped) this.#follow((done - this.#done) / elapsed, elapsed);
      this.#done = done;
      this.#at = seconds;
    }
    const secondsLeft = this.#rate === null || total === null ? null : Math.max(0, (total - done) / this.#rate);
    return { stage, done, total, unit, note, perSecond: this.#rate, secondsLeft, point };
  }

  /** Not twice in a row: work that has become so slow is told as it is. */
  #isGap(elapsed: number): boolean {
    return !this.#skipped && this.#usual !== null && elapsed > Math.max(GAP_SECONDS, GAP_TIMES * this.#usual);
  }

  #follow(rate: number, elapsed: number): void {
    const weight = 1 - Math.exp(-elapsed / SMOOTHING_SECONDS);
    this.#rate = this.#rate === null ? rate : this.#rate + weight * (rate - this.#rate);
    this.#usual = this.#usual === null ? elapsed : this.#usual + 0.1 * (elapsed - this.#usual);
  }
}
