import type { Progress } from '../foundation/progress.ts';
import { count, duration } from './figures.ts';
import { truncate, type OutputStream, type Terminal } from './terminal.ts';

const REDRAW_MILLISECONDS = 100;
const LINE_MILLISECONDS = 5000;
const BAR_COLUMNS = 12;
/** Weight of the newest rate in the moving average, a second. */
const RATE_WEIGHT = 0.3;
const CLEAR_LINE = '\r\u001B[2K';

/** How fast one stage goes: an exponential moving average over about three seconds. */
class Rate {
  #done: number;
  #at: number;
  perSecond: number | null = null;

  constructor(done: number, now: number) {
    this.#done = done;
    this.#at = now;
  }

  update(done: number, now: number): void {
    const seconds = (now - this.#at) / 1000;
    if (seconds < 0.5) return;
    const current = (done - this.#done) / seconds;
    const weight = this.perSecond === null ? 1 : 1 - (1 - RATE_WEIGHT) ** seconds;
    this.perSecond = (this.perSecond ?? 0) * (1 - weight) + current * weight;
    this.#done = done;
    this.#at = now;
  }
}

/**
 * Shows {@link Progress} on stderr: a bar with share, rate, estimate and note that is drawn again at most ten times a
 * second on a terminal, a line every five seconds elsewhere. One stage after another. A notice is a line of its own everywhere, and
 * not told twice in a row.
 */
export class ProgressBar {
  readonly #stream: OutputStream;
  readonly #terminal: Terminal;
  readonly #now: () => number;
  #stage: string | null = null;
  #rate = new Rate(0, 0);
  #shownAt = -Infinity;
  #drawn = false;
  #notice: string | null = null;

  constructor(stream: OutputStream, terminal: Terminal, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#terminal = terminal;
    this.#now = now;
  }

  report(progress: Progress): void {
    if (progress.notice !== undefined && progress.notice !== this.#notice) {
      this.#notice = progress.notice;
      this.#stream.write(`${this.#drawn ? CLEAR_LINE : ''}${progress.notice}\n`);
      this.#drawn = false;
    }
    const now = this.#now();
    const isNewStage = progress.stage !== this.#stage;
    if (isNewStage) {
      this.#stage = progress.stage;
      this.#rate = new Rate(progress.done, now);
      // A stage that is over within five seconds needs no line in a log.
      this.#shownAt = this.#terminal.redraws ? -Infinity : now;
    }
    this.#rate.update(progress.done, now);
    const interval = this.#terminal.redraws ? REDRAW_MILLISECONDS : LINE_MILLISECONDS;
    if (now - this.#shownAt < interval) return;
    this.#shownAt = now;
    if (this.#terminal.redraws) {
      this.#stream.write(CLEAR_LINE + this.#bar(progress));
      this.#drawn = true;
    } else this.#stream.write(`${this.#figures(progress).join(' · ')}\n`);
  }

  /** Takes the bar away, so that something else can be written in its place. */
  clear(): void {
    if (this.#drawn) this.#stream.write(CLEAR_LINE);
    this.#drawn = false;
    this.#shownAt = -Infinity;
  }

  #figures({ stage, done, total, unit, note }: Progress): string[] {
    const rate = this.#rate.perSecond;
    const parts = [stage];
    if (total !== null) parts.push(`${percent(done, total)} of ${count(total)} ${unit}`);
    else if (done > 0) parts.push(`${count(done)} ${unit}`);
    if (rate !== null && rate > 0) {
      parts.push(`${rate < 10 ? rate.toFixed(1) : count(rate)} ${unit}/s`);
      if (total !== null) parts.push(`${duration(Math.max(0, total - done) / rate)} left`);
    }
    if (note !== undefined) parts.push(note);
    return parts;
  }

  #bar(progress: Progress): string {
    const [stage, ...rest] = this.#figures(progress);
    const text = truncate(rest.join(' · '), this.#terminal.width - 1 - BAR_COLUMNS - 2 - stage!.length);
    if (progress.total === null) return `${this.#terminal.chalk.bold(stage)} ${text}`;
    const filled = Math.round(BAR_COLUMNS * share(progress.done, progress.total));
    const { chalk } = this.#terminal;
    const bar = chalk.cyan('█'.repeat(filled)) + chalk.dim('░'.repeat(BAR_COLUMNS - filled));
    return `${chalk.bold(stage)} ${bar} ${text}`;
  }
}

function share(done: number, total: number): number {
  return total <= 0 ? 1 : Math.min(1, Math.max(0, done / total));
}

function percent(done: number, total: number): string {
  return `${Math.floor(100 * share(done, total))} %`;
}
