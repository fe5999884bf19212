import uPlot from 'uplot';
import type { TrainingSeries } from '../../server/protocol/training-series.ts';
import type { KnownRun } from './training-view.ts';

export interface ChartKind {
  readonly series: TrainingSeries;
  /** Shares begin at 0; the others are scaled to their data and may be logarithmic. */
  readonly scale: 'share' | 'data';
}

const CHARTS: readonly ChartKind[] = [
  { series: 'loss', scale: 'data' },
  { series: 'effectiveSampleSize', scale: 'share' },
  { series: 'tilt', scale: 'data' },
  { series: 'l0', scale: 'data' },
  { series: 'explainedVariance', scale: 'data' },
  { series: 'deadShare', scale: 'share' },
  { series: 'divergence', scale: 'data' },
];
/** Drawn where some run has it: a run that is not tilted has a tilt of 0 throughout. */
const OCCASIONAL: readonly TrainingSeries[] = ['tilt', 'divergence'];

/** What is drawn of some runs. */
export function chartsOf(runs: readonly KnownRun[]): readonly ChartKind[] {
  const has = (series: TrainingSeries): boolean =>
    runs.some(({ points }) => points.series[series].some((value) => value !== null && value > 0));
  return CHARTS.filter(({ series }) => !OCCASIONAL.includes(series) || has(series));
}

/** The values of one chart for a run. The effective sample size is told in tokens and drawn as a share of the batch. */
export function valuesOf({ points, batch }: KnownRun, series: TrainingSeries): readonly (number | null)[] {
  const values = points.series[series];
  if (series !== 'effectiveSampleSize') return values;
  return values.map((value) => (value === null || batch === null ? null : value / batch));
}

/** Runs of different steps on one axis; the gaps this makes are spanned when drawn. A logarithm knows no 0: such values are left out. */
export function aligned(runs: readonly KnownRun[], series: TrainingSeries, logarithmic: boolean): uPlot.AlignedData {
  const tables = runs.map((run): uPlot.AlignedData => {
    const values = valuesOf(run, series);
    return [
      [...run.points.step],
      logarithmic ? values.map((value) => (value !== null && value > 0 ? value : null)) : [...values],
    ];
  });
  if (tables.length === 0) return [[], []];
  return tables.length === 1 ? tables[0]! : uPlot.join(tables);
}

/** Each run's last value at or before a step; at its end where no step is given. */
export function readings(
  runs: readonly KnownRun[],
  series: TrainingSeries,
  step: number | null,
): readonly (number | null)[] {
  return runs.map((run) => {
    const values = valuesOf(run, series);
    const before = step === null ? values.length : countUpTo(run.points.step, step);
    for (let at = before - 1; at >= 0; at--) if (values[at] !== null) return values[at]!;
    return null;
  });
}

/** How many of ascending steps are at most `step`. */
function countUpTo(steps: readonly number[], step: number): number {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle]! <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}
