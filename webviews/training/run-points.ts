import type { RunPoint, ToTrainingPanel } from '../../server/protocol/panels/training.ts';
import { TRAINING_SERIES, type TrainingSeries } from '../../server/protocol/training-series.ts';
import { float64s } from '../kit/columns.ts';

/** The points of one run as columns of equal length, by ascending step; null where there is no value. */
export interface RunPoints {
  readonly step: readonly number[];
  readonly series: Readonly<Record<TrainingSeries, readonly (number | null)[]>>;
}

/** More than a screen has pixels: beyond, every second point is left out. */
const MAX_POINTS = 8192;

export const noPoints: RunPoints = {
  step: [],
  series: { loss: [], effectiveSampleSize: [], l0: [], explainedVariance: [], deadShare: [], tilt: [], divergence: [] },
};

/** @throws RangeError | DOMException when a column is damaged or columns differ in length */
export function pointsOf({ step, series }: Extract<ToTrainingPanel, { type: 'history' }>): RunPoints {
  const steps = [...float64s(step)];
  return {
    step: steps,
    series: bySeries((name) => {
      const values = [...float64s(series[name])];
      if (values.length !== steps.length)
        throw new RangeError(`${name} has ${values.length} values for ${steps.length} steps`);
      return values.map((value) => (Number.isFinite(value) ? value : null));
    }),
  };
}

export function columnsOf(points: readonly RunPoint[]): RunPoints {
  return {
    step: points.map(({ step }) => step),
    series: bySeries((name) => points.map((point) => point[name] ?? null)),
  };
}

function bySeries<Value>(of: (name: TrainingSeries) => Value): Record<TrainingSeries, Value> {
  return Object.fromEntries(TRAINING_SERIES.map((name) => [name, of(name)])) as Record<TrainingSeries, Value>;
}

/**
 * Later points after earlier ones. They take the place of the earlier ones from their first step on: a run that was resumed went back
 * to its checkpoint, and a history that is read again is the better one.
 */
export function merged(earlier: RunPoints, later: RunPoints): RunPoints {
  const first = later.step[0];
  if (first === undefined) return earlier;
  let kept = earlier.step.length;
  while (kept > 0 && earlier.step[kept - 1]! >= first) kept--;
  const step = [...earlier.step.slice(0, kept), ...later.step];
  const series = bySeries((name) => [...earlier.series[name].slice(0, kept), ...later.series[name]]);
  return thinned({ step, series });
}

/** Every second point while there are too many, the last one kept. */
function thinned(points: RunPoints): RunPoints {
  const { length } = points.step;
  if (length <= MAX_POINTS) return points;
  const kept = (_: unknown, index: number): boolean => index % 2 === 0 || index === length - 1;
  return { step: points.step.filter(kept), series: bySeries((name) => points.series[name].filter(kept)) };
}

/** The last value of a series that there is; null before the first. */
export function latest({ series }: RunPoints, name: TrainingSeries): number | null {
  return series[name].findLast((value) => value !== null) ?? null;
}
