/**
 * From per-token losses to one number and its gradient's weights: ERM, and TERM (Li et al., ICLR 2021, arXiv 2007.01162),
 * R(t) = (1/t) log mean_i exp(t ℓ_i), ∇R = Σ_i w_i ∇ℓ_i with w = softmax(t ℓ). All of it in float64.
 *
 * ℓ_i is the token's squared reconstruction error plus its sparsity penalty, on activations scaled to mean norm √d_in; so a raw tilt
 * is in units of 1/(that loss), and a relative tilt τ = t · mean(ℓ) does not depend on the scale. With `tilts: reconstruction` the
 * penalty is left as a plain mean. τ's mean carries no gradient and is taken anew each step.
 */
import type { TokenWeights } from '../compute/engine.ts';
import type { Objective } from '../protocol/requests.ts';

export interface WeighedLosses {
  /** R over the batch, without auxiliary terms. */
  readonly loss: number;
  readonly weights: TokenWeights;
  /** 1 / Σ w_i², of the tilted losses' weights: the tokens that count. */
  readonly effectiveSampleSize: number;
  /** The t that was used; 0 for ERM. */
  readonly tilt: number;
}

interface Tilted {
  readonly value: number;
  readonly weights: Float64Array;
}

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function average(losses: Float64Array): Tilted {
  return { value: mean(losses), weights: new Float64Array(losses.length).fill(1 / losses.length) };
}

/**
 * R(t) and w. The maximum is subtracted before multiplying by t: at t = 10⁹ the other order loses the argument. Nothing is clamped.
 * Where all t(ℓ_i − m) are small, `log mean exp` cancels; there R = m + log1p(mean expm1(t(ℓ − m)))/t around the mean m.
 */
export function tiltLosses(losses: Float64Array, t: number): Tilted {
  if (t === 0) return average(losses);
  const maximum = losses.reduce((largest, loss) => Math.max(largest, loss), -Infinity);
  const weights = losses.map((loss) => Math.exp(t * (loss - maximum)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (let i = 0; i < weights.length; i++) weights[i]! /= total;
  const centre = mean(losses);
  const value =
    t * (maximum - centre) < 0.5
      ? centre + Math.log1p(mean(losses.map((loss) => Math.expm1(t * (loss - centre))))) / t
      : maximum + Math.log(total / losses.length) / t;
  return { value, weights };
}

/** The t of an objective on these losses. A mean loss of zero leaves nothing to tilt. */
function tiltOf(objective: Objective, losses: Float64Array): number {
  if (objective.kind === 'erm') return 0;
  if (objective.tilt.kind === 'raw') return objective.tilt.t;
  const average = mean(losses);
  return average === 0 ? 0 : objective.tilt.tau / average;
}

/**
 * @param reconstruction [tokens] ‖x_i − x̂_i‖²
 * @param sparsity [tokens] penalty with λ in it
 */
export function weighLosses(objective: Objective, reconstruction: Float64Array, sparsity: Float64Array): WeighedLosses {
  const apart = objective.kind === 'term' && objective.tilts === 'reconstruction';
  const losses = apart ? reconstruction : reconstruction.map((error, i) => error + sparsity[i]!);
  const tilt = tiltOf(objective, losses);
  const tilted = tiltLosses(losses, tilt);
  const penalty = apart ? average(sparsity) : null;
  return {
    loss: tilted.value + (penalty?.value ?? 0),
    weights: { reconstruction: tilted.weights, sparsity: penalty?.weights ?? tilted.weights },
    effectiveSampleSize: 1 / tilted.weights.reduce((sum, weight) => sum + weight * weight, 0),
    tilt,
  };
}
