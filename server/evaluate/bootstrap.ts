import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Random } from '../foundation/random.ts';

export interface Interval {
  readonly low: number | null;
  readonly high: number | null;
}

export const RESAMPLES = 1000;
/** Other work of the process waits no longer than this. */
const TURN_MILLISECONDS = 10;
const UNKNOWN: Interval = { low: null, high: null };

/** Linear interpolation between order statistics. @param sorted ascending, not empty */
export function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

function percentileInterval(values: Float64Array): Interval {
  const finite = values.filter(Number.isFinite).sort();
  if (finite.length < values.length / 2) return UNKNOWN;
  return { low: quantile(finite, 0.025), high: quantile(finite, 0.975) };
}

/**
 * 95 % percentile intervals (Efron 1979) of statistics of sums: units (documents) are drawn with replacement, their sums are added, and
 * every statistic is formed again from the same draw, so that a statistic that compares two columns is paired.
 * @param sums [units, columns] sufficient statistics of each unit
 * @param statistics functions of the total [columns]
 * @returns one interval a statistic; unknown where there are fewer than two units or most draws give no finite value
 */
export async function bootstrapIntervals(
  sums: Float64Array,
  columns: number,
  statistics: readonly ((total: Float64Array) => number)[],
  random: Random,
  resamples = RESAMPLES,
): Promise<Interval[]> {
  const units = sums.length / columns;
  if (units < 2) return statistics.map(() => UNKNOWN);
  const values = statistics.map(() => new Float64Array(resamples));
  const total = new Float64Array(columns);
  let turn = performance.now();
  for (let resample = 0; resample < resamples; resample++) {
    if (performance.now() - turn > TURN_MILLISECONDS) {
      await nextTurn();
      turn = performance.now();
    }
    total.fill(0);
    for (let draw = 0; draw < units; draw++) {
      const row = random.below(units) * columns;
      for (let column = 0; column < columns; column++) total[column]! += sums[row + column]!;
    }
    statistics.forEach((statistic, index) => (values[index]![resample] = statistic(total)));
  }
  return values.map(percentileInterval);
}
