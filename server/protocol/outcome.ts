import type { Metric } from './results.ts';

/** Which way of a metric is an improvement; null where it depends on what is wanted. */
export type Direction = 'higher' | 'lower' | null;

export type Outcome = 'better' | 'worse' | 'higher' | 'lower' | 'unresolved' | 'none';

/** What the interval of the difference allows to say; `none` where nothing was compared or no interval was drawn. */
export function outcomeOf({ baseline, low, high }: Metric, better: Direction): Outcome {
  if (baseline === null || low === null || high === null || (low === 0 && high === 0)) return 'none';
  if (low <= 0 && high >= 0) return 'unresolved';
  const moved = low > 0 ? 'higher' : 'lower';
  if (better === null) return moved;
  return moved === better ? 'better' : 'worse';
}
