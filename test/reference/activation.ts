/**
 * What an architecture makes of pre-activations, and the slopes of it: one (token, feature) at a time, but for the selections.
 * The statements are those of `EngineArchitecture`.
 */
import type { EngineArchitecture, EngineShape } from '../../server/compute/engine.ts';
import { keepLargest, relu, rowsOf, zeroMatrix, type Matrix } from './matrices.ts';
import type { ReferenceParameters } from './parameters.ts';

export interface PreActivations {
  /** π = z W_enc, [tokens][d_sae] */
  readonly projection: Matrix;
  /** π + b_enc; of a gated dictionary π + b_gate. [tokens][d_sae] */
  readonly pre: Matrix;
  /** u, [d_sae] */
  readonly norms: Float64Array;
}

export const isRescaled = (architecture: EngineArchitecture): boolean =>
  'rescaledByDecoderNorm' in architecture && architecture.rescaledByDecoderNorm;

/** What selections compare: pre, or pre·u of rescaled dictionaries. [tokens][d_sae] */
export function selectable({ architecture }: EngineShape, { pre, norms }: PreActivations): Matrix {
  return isRescaled(architecture) ? pre.map((row) => row.map((value, j) => value * norms[j]!)) : pre;
}

/** f, [tokens][d_sae] */
export function activate(shape: EngineShape, p: ReferenceParameters, given: PreActivations): Matrix {
  const { architecture, dSae } = shape;
  const { pre, projection } = given;
  switch (architecture.kind) {
    case 'relu':
      return pre.map((row) => row.map(relu));
    case 'topk':
      return selectable(shape, given).map((row) => keepLargest(row, architecture.k).map(relu));
    case 'batchtopk':
    case 'matryoshka': {
      const all = Float64Array.from(selectable(shape, given).flatMap((row) => [...row.map(relu)]));
      return rowsOf(keepLargest(all, architecture.k * pre.length), dSae);
    }
    case 'jumprelu':
      return pre.map((row) => row.map((value, j) => (value > p.threshold![j]! ? value : 0)));
    case 'gated': {
      const features = zeroMatrix(pre.length, dSae);
      projection.forEach((row, i) => {
        row.forEach((value, j) => {
          if (pre[i]![j]! > 0) features[i]![j] = relu(Math.exp(p.magnitudeScale![j]!) * value + p.magnitudeBias![j]!);
        });
      });
      return features;
    }
  }
}

/** λ's factor in a token's sparsity loss, of one feature, and its slopes. */
export interface Penalty {
  readonly value: number;
  readonly byFeature: number;
  readonly byPre: number;
  readonly byThreshold: number;
  /** By u_j. */
  readonly byNorm: number;
}

const NO_PENALTY: Penalty = { value: 0, byFeature: 0, byPre: 0, byThreshold: 0, byNorm: 0 };

/** K(v) of the straight-through gradients, v = (pre − θ)/ε. */
export function kernelAt(pre: number, threshold: number, bandwidth: number): number {
  return Math.abs((pre - threshold) / bandwidth) < 0.5 ? 1 : 0;
}

export interface Cell {
  /** π */
  readonly projection: number;
  readonly pre: number;
  readonly feature: number;
  /** u_j */
  readonly norm: number;
  /** θ_j, where there is one. */
  readonly threshold: number;
  /** exp(r_j) of a gated dictionary. */
  readonly magnitude: number;
}

export function penaltyOf(architecture: EngineArchitecture, cell: Cell): Penalty {
  const { pre, feature, norm, threshold } = cell;
  switch (architecture.kind) {
    case 'topk':
    case 'batchtopk':
    case 'matryoshka':
      return NO_PENALTY;
    case 'relu':
      return architecture.penalty === 'plain'
        ? { ...NO_PENALTY, value: feature, byFeature: 1 }
        : { ...NO_PENALTY, value: feature * norm, byFeature: norm, byNorm: feature };
    case 'jumprelu': {
      const { penalty, bandwidth, straightThroughToInput } = architecture;
      if (penalty.kind === 'step') {
        const slope = kernelAt(pre, threshold, bandwidth) / bandwidth;
        const byPre = straightThroughToInput ? slope : 0;
        return { ...NO_PENALTY, value: pre > threshold ? 1 : 0, byThreshold: -slope, byPre };
      }
      const value = Math.tanh(penalty.scale * feature * norm);
      const slope = penalty.scale * (1 - value * value);
      return { ...NO_PENALTY, value, byFeature: slope * norm, byNorm: slope * feature };
    }
    case 'gated': {
      const weight = architecture.variant === 'saelens' ? norm : 1;
      const byNorm = architecture.variant === 'saelens' ? relu(pre) : 0;
      return { ...NO_PENALTY, value: relu(pre) * weight, byPre: pre > 0 ? weight : 0, byNorm };
    }
  }
}

/** Gradient of one (token, feature) with respect to what the feature is made of. */
export interface CellGradient {
  /** Through π, to z and W_enc. */
  projection: number;
  /** b_enc, b_gate. */
  bias: number;
  threshold: number;
  magnitudeScale: number;
  magnitudeBias: number;
}

/**
 * The chain rule through f.
 * A rescaled dictionary selects by f = pre·u but decodes f/u = pre: its u cancels, so `slope` reaches pre alone.
 * @param slope ∂L/∂f
 * @param penalty with λ and the token's weight in it
 */
export function differentiate(
  architecture: EngineArchitecture,
  cell: Cell,
  slope: number,
  penalty: Penalty,
): CellGradient {
  const through = (projection: number, threshold = 0): CellGradient => ({
    ...{ projection, bias: projection, threshold },
    ...{ magnitudeScale: 0, magnitudeBias: 0 },
  });
  switch (architecture.kind) {
    case 'relu':
    case 'topk':
    case 'batchtopk':
    case 'matryoshka':
      return through(cell.feature > 0 ? slope : 0);
    case 'jumprelu': {
      const { bandwidth, straightThroughToInput } = architecture;
      const jump = (cell.threshold / bandwidth) * kernelAt(cell.pre, cell.threshold, bandwidth);
      const byPre = (cell.pre > cell.threshold ? 1 : 0) + (straightThroughToInput ? jump : 0);
      return through(slope * byPre + penalty.byPre, -jump * slope + penalty.byThreshold);
    }
    case 'gated': {
      const magnitudeBias = cell.feature > 0 ? slope : 0;
      return {
        projection: magnitudeBias * cell.magnitude + penalty.byPre,
        ...{ bias: penalty.byPre, threshold: 0, magnitudeBias },
        magnitudeScale: magnitudeBias * cell.magnitude * cell.projection,
      };
    }
  }
}
