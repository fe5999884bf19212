/** How far a forward pass is from deciding otherwise: float32 decides as float64 does only where that is more than its rounding. */
import { selectable } from './activation.ts';
import { varianceOf, type DeadLatents } from './auxiliary.ts';
import type { Pass } from './forward.ts';
import { dot, relu } from './matrices.ts';

/** Distance from 0; an exact 0 is no rounding's work. */
const fromZero = (value: number): number => (value === 0 ? Infinity : Math.abs(value));
const least = (values: Iterable<number>): number => {
  let smallest = Infinity;
  for (const value of values) smallest = Math.min(smallest, value);
  return smallest;
};

/** Of a selection of the k largest, of which only positive ones count. */
function selectionMargin(values: Float64Array, k: number): number {
  const sorted = values.toSorted((a, b) => b - a);
  const [last, next] = [sorted[k - 1] ?? 0, sorted[k] ?? -Infinity];
  const gap = last > 0 ? fromZero(last - next) : Infinity;
  return Math.min(gap, least(sorted.subarray(0, k).map(fromZero)));
}

function activationMargin(pass: Pass): number {
  const { shape, parameters, pre, projection } = pass;
  const { architecture } = shape;
  switch (architecture.kind) {
    case 'relu':
      return least(pre.flatMap((row) => [...row].map(fromZero)));
    case 'topk':
      return least(selectable(shape, pass).map((row) => selectionMargin(row, architecture.k)));
    case 'batchtopk':
    case 'matryoshka': {
      const all = Float64Array.from(selectable(shape, pass).flatMap((row) => [...row].map(relu)));
      const signs = least(selectable(shape, pass).flatMap((row) => [...row].map(fromZero)));
      return Math.min(selectionMargin(all, architecture.k * pre.length), signs);
    }
    case 'jumprelu': {
      const distances = pre.flatMap((row) => [...row].map((value, j) => Math.abs(value - parameters.threshold![j]!)));
      return least(distances.flatMap((away) => [fromZero(away), fromZero(away - architecture.bandwidth / 2)]));
    }
    case 'gated': {
      const magnitudes = projection.flatMap((row) =>
        [...row].map((value, j) => Math.exp(parameters.magnitudeScale![j]!) * value + parameters.magnitudeBias![j]!),
      );
      return least([...pre.flatMap((row) => [...row]), ...magnitudes].map(fromZero));
    }
  }
}

function auxiliaryMargin(pass: Pass, { dead, settings, errors }: DeadLatents): number {
  const k = Math.min(settings.k, dead.length);
  if (k === 0) return Infinity;
  const candidates = selectable(pass.shape, pass).map((row) => Float64Array.from(dead, (j) => row[j]!));
  const lift = settings.form === 'saelens' ? 1e6 : 0; // negative ones count there too
  const choice = least(
    candidates.map((row) =>
      selectionMargin(
        row.map((value) => value + lift),
        k,
      ),
    ),
  );
  return Math.min(choice, settings.form === 'normalised' ? varianceMargin(errors) : Infinity);
}

/** Variance, relative to the mean square. */
function varianceMargin(errors: DeadLatents['errors']): number {
  const square = errors.reduce((total, row) => total + dot(row, row), 0) / errors.length;
  return square === 0 ? Infinity : fromZero(varianceOf(errors) / square);
}

/** Smallest distance to another decision, relative to the largest value that decides. */
export function decisionMargin(pass: Pass, latents: DeadLatents | null): number {
  const scale = selectable(pass.shape, pass).reduce(
    (most, row) => row.reduce((largest, value) => Math.max(largest, Math.abs(value)), most),
    1,
  );
  return Math.min(activationMargin(pass), latents === null ? Infinity : auxiliaryMargin(pass, latents)) / scale;
}
