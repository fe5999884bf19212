/**
 * From per-token losses to one number and its gradient's weights: ERM, and TERM (Li et al., ICLR 2021, arXiv 2007.01162),
 * R(t) = (1/t) log mean_i exp(t ℓ_i), ∇R = Σ_i w_i ∇ℓ_i with w = softmax(t ℓ). All of it in float64.
 *
 * ℓ_i is the token's squared reconstruction error plus its sparsity penalty, on activations scaled to mean norm √d_in; so a raw tilt
 * is in units of 1/(that loss), and a relative tilt τ = t · mean(ℓ) does not depend on the scale. With `tilts: reconstruction` the
 * penalty is left as a plain mean. A relative tilt's mean and the tilt that a sample size asks for carry no gradient and are taken
 * anew each step.
 */
import type { TokenWeights } from '../compute/engine.ts';
import type { Objective, Tilt } from '../protocol/requests.ts';
import { tiltAcross, tiltWithin } from './passage-tilt.ts';
import { tiltForShare } from './sample-size-tilt.ts';
import { tiltLosses, type Tilted } from './tilted-mean.ts';

type TermObjective = Extract<Objective, { kind: 'term' }>;

export interface WeighedLosses {
  /** R over the batch, without auxiliary terms. */
  readonly loss: number;
  readonly weights: TokenWeights;
  /** 1 / Σ w_i², of the tilted losses' weights: the tokens that count. */
  readonly effectiveSampleSize: number;
  /** The t that was used, of passages where they are tilted; 0 for ERM. */
  readonly tilt: number;
}

/** What an objective may need of a batch beside its losses. */
export interface BatchPlace {
  /** 0 to 1: how much of the tilt is in force. */
  readonly ramp: number;
  /** [tokens] which passage each token is of; null where nobody asked. */
  readonly passages: Float64Array | null;
}

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Whether batches have to be made of passages. */
export function needsPassages(objective: Objective): boolean {
  return objective.kind === 'term' && objective.passages !== undefined;
}

/** The tilt grows linearly from 0 over its warm-up. @param step counted from 0 */
export function tiltRampAt(objective: Objective, step: number): number {
  const steps = objective.kind === 'term' ? (objective.warmupSteps ?? 0) : 0;
  return steps === 0 ? 1 : Math.min(1, step / steps);
}

/** @param average of the losses that a relative tilt is relative to; one of 0 leaves nothing to tilt */
function fixedTilt(tilt: Exclude<Tilt, { kind: 'sample_size' }>, average: number): number {
  if (tilt.kind === 'raw') return tilt.t;
  return average === 0 ? 0 : tilt.tau / average;
}

type Weighed = Tilted & { readonly tilt: number };

function tiltTokens({ tilt }: TermObjective, losses: Float64Array, ramp: number): Weighed {
  const full = tilt.kind === 'sample_size' ? tiltForShare(losses, tilt.share) : fixedTilt(tilt, mean(losses));
  return { ...tiltLosses(losses, ramp * full), tilt: ramp * full };
}

function tiltPassages(
  { tilt }: TermObjective,
  inner: NonNullable<TermObjective['passages']>['inner'],
  losses: Float64Array,
  { ramp, passages }: BatchPlace,
): Weighed {
  if (passages === null) throw new Error('the objective tilts passages, and the batch does not say what they are');
  const average = mean(losses);
  const within = tiltWithin(losses, passages, ramp * fixedTilt(inner, average));
  const full =
    tilt.kind === 'sample_size' ? tiltForShare(within.values, tilt.share, within.sizes) : fixedTilt(tilt, average);
  return { ...tiltAcross(within, ramp * full), tilt: ramp * full };
}

function weigh(objective: Objective, losses: Float64Array, place: BatchPlace): Weighed {
  if (objective.kind === 'erm') return { ...tiltLosses(losses, 0), tilt: 0 };
  const { passages } = objective;
  return passages === undefined
    ? tiltTokens(objective, losses, place.ramp)
    : tiltPassages(objective, passages.inner, losses, place);
}

/**
 * @param reconstruction [tokens] ‖x_i − x̂_i‖²
 * @param sparsity [tokens] penalty with λ in it
 */
export function weighLosses(
  objective: Objective,
  reconstruction: Float64Array,
  sparsity: Float64Array,
  place: BatchPlace = { ramp: 1, passages: null },
): WeighedLosses {
  const apart = objective.kind === 'term' && objective.tilts === 'reconstruction';
  const losses = apart ? reconstruction : reconstruction.map((error, i) => error + sparsity[i]!);
  const tilted = weigh(objective, losses, place);
  const penalty = apart ? tiltLosses(sparsity, 0) : null;
  return {
    loss: tilted.value + (penalty?.value ?? 0),
    weights: { reconstruction: tilted.weights, sparsity: penalty?.weights ?? tilted.weights },
    effectiveSampleSize: 1 / tilted.weights.reduce((sum, weight) => sum + weight * weight, 0),
    tilt: tilted.tilt,
  };
}
