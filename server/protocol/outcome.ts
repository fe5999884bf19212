import type { Metric } from './results.ts';

/** Which way of a metric is an improvement; null where it depends on what is wanted. */
export type Direction = 'higher' | 'lower' | null;

export type Outcome = 'better' | 'worse' | 'higher' | 'lower' | 'unresolved' | 'none';

/** Why metrics of a split have no interval over its documents, in a few words; the bootstrap draws documents, so it needs two. */
export function noInterval(documents: number): string {
  return documents < 2 ? `n = ${documents} document: no interval` : 'no interval: most draws give no finite value';
}

/** What the interval of the difference allows to say; `none` where nothing was compared or no interval was drawn. */
export function outcomeOf({ baseline, low, high }: Metric, better: Direction): Outcome {
  if (baseline === null || low === null || high === null || (low === 0 && high === 0)) return 'none';
  if (low <= 0 && high >= 0) return 'unresolved';
  const moved = low > 0 ? 'higher' : 'lower';
  if (better === null) return moved;
  return moved === better ? 'better' : 'worse';
}
