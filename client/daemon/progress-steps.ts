import type { JobProgress } from '../../server/protocol/jobs.ts';

/** Turns the daemon's progress into what a notification takes: the percent that came since it was last told. */
export class ProgressSteps {
  #stage: string | null = null;
  #percent = 0;

  /** @returns percent to add, and the stage's percent; null where no total is known. A bar never runs backwards. */
  next({ stage, done, total }: JobProgress): { readonly increment: number; readonly percent: number | null } {
    if (total === null || total <= 0) return { increment: 0, percent: null };
    const percent = Math.min(100, Math.max(0, (100 * done) / total));
    if (stage !== this.#stage && this.#stage !== null) {
      // A later stage has a bar of its own in words only: the notification's bar stays where it is.
      this.#stage = stage;
      this.#percent = Math.max(this.#percent, percent);
      return { increment: 0, percent };
    }
    this.#stage = stage;
    const increment = Math.max(0, percent - this.#percent);
    this.#percent += increment;
    return { increment, percent };
  }
}

/** Seconds as the two largest units that people say: [minutes, seconds] below an hour, [hours, minutes] above. */
export type TimeLeft =
  | { readonly kind: 'seconds'; readonly seconds: number }
  | { readonly kind: 'minutes'; readonly minutes: number }
  | { readonly kind: 'hours'; readonly hours: number; readonly minutes: number };

export function timeLeft(seconds: number): TimeLeft {
  if (seconds < 55) return { kind: 'seconds', seconds: Math.max(1, Math.ceil(seconds / 5) * 5) };
  const minutes = Math.max(1, Math.round(seconds / 60));
  if (minutes < 60) return { kind: 'minutes', minutes };
  return { kind: 'hours', hours: Math.floor(minutes / 60), minutes: minutes % 60 };
}
