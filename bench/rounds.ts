/** Sides of a comparison, measured in turn, so that a round sees the same machine. */
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfStopped, type JobControl } from '../server/foundation/progress.ts';

export interface Measured {
  readonly milliseconds: number;
  readonly cpuMilliseconds: number;
  /** Null where the side does not tell. */
  readonly l0: number | null;
}

/** What does one piece of work, measured. */
export interface Side extends AsyncDisposable {
  step(): Promise<Measured>;
}

export interface Comparison {
  /** The other's median over ours. */
  readonly ratio: number;
  readonly ratioLow: number;
  readonly ratioHigh: number;
  /** The same of processor time, which other programs on the machine disturb less. */
  readonly cpuRatio: number;
}

/** Steps of each side before anything is measured: memory is touched, threads and code are warm. */
const WARM_UP_STEPS = 2;
/** Between two sides, so that the threads of one have gone to sleep before the other starts. */
const PAUSE_MS = 150;

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

export const medianMilliseconds = (side: readonly Measured[]): number =>
  median(side.map(({ milliseconds }) => milliseconds));

export const medianCpuMilliseconds = (side: readonly Measured[]): number =>
  median(side.map(({ cpuMilliseconds }) => cpuMilliseconds));

/** @param ours as many rounds as `others` */
export function compare(ours: readonly Measured[], others: readonly Measured[]): Comparison {
  const ratios = others.map(({ milliseconds }, round) => milliseconds / ours[round]!.milliseconds);
  return {
    ratio: medianMilliseconds(others) / medianMilliseconds(ours),
    ...{ ratioLow: Math.min(...ratios), ratioHigh: Math.max(...ratios) },
    cpuRatio: medianCpuMilliseconds(others) / medianCpuMilliseconds(ours),
  };
}

/** Rounds of all sides; the order turns round each time. @returns measurements by side */
export async function measure(sides: readonly Side[], rounds: number, control: JobControl): Promise<Measured[][]> {
  for (const side of sides) for (let step = 0; step < WARM_UP_STEPS; step++) await side.step();
  const measured = sides.map((): Measured[] => []);
  for (let round = 0; round < rounds; round++) {
    throwIfStopped(control);
    const order = [...sides.keys()];
    for (const index of round % 2 === 0 ? order : order.reverse()) {
      await sleep(PAUSE_MS);
      measured[index]!.push(await sides[index]!.step());
    }
  }
  return measured;
}

/** Work of this process, timed. @param work gives its L0 */
export async function timed(work: () => Promise<number>): Promise<Measured> {
  const processor = process.cpuUsage();
  const start = performance.now();
  const l0 = await work();
  const milliseconds = performance.now() - start;
  const { user, system } = process.cpuUsage(processor);
  return { milliseconds, cpuMilliseconds: (user + system) / 1000, l0 };
}
