import type { DictionaryParameters, EngineShape, TrainingState } from '../compute/engine.ts';
import type { Random } from '../foundation/random.ts';
import { rowNorms } from '../sae/canonical.ts';

/** A re-initialised encoder row has this share of the living rows' mean norm (Bricken et al. 2023). */
const ENCODER_SHARE = 0.2;
/** Numbers of a feature that start at 0: b_enc, or a gated dictionary's b_gate, r and b_mag. */
const STARTING_AT_ZERO = ['encoderBias', 'magnitudeScale', 'magnitudeBias'] as const;
const FEATURE_SCALARS = [...STARTING_AT_ZERO, 'threshold'] as const;

/** Rows drawn without repetition, each with a chance in proportion to its loss squared. */
function drawRows(losses: Float64Array, count: number, random: Random): number[] {
  // Efraimidis and Spirakis 2006: the largest of log(u) / weight.
  const keys = losses.map((loss) => Math.log(1 - random.uniform()) / Math.max(loss * loss, Number.MIN_VALUE));
  return [...keys.keys()].sort((a, b) => keys[b]! - keys[a]! || a - b).slice(0, count);
}

function mean(values: readonly number[], otherwise: number): number {
  return values.length === 0 ? otherwise : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Dead features start anew from inputs that are reconstructed badly (Bricken et al. 2023, "Towards Monosemanticity", neuron resampling):
 * the decoder row is the input's direction from b_dec, the encoder row the same times 0.2 of the living rows' mean norm, biases and
 * moments 0. At most as many are revived as the batch has rows; the rest waits for the next time. A jumprelu feature has the mean of the
 * living ones' thresholds, and an encoder row as long as theirs: a shorter one would not get above it.
 * @param state changed in place
 * @param batch [tokens, d_in] the latest; @param losses [tokens] its squared reconstruction errors
 * @returns how many were revived
 */
export function resampleDead(
  shape: EngineShape,
  state: TrainingState,
  deadAfterTokens: number,
  batch: Float32Array,
  losses: Float64Array,
  random: Random,
): number {
  const { dIn, dSae } = shape;
  const features = [...Array(dSae).keys()];
  const dead = features.filter((feature) => state.tokensSinceFired[feature]! >= deadAfterTokens);
  if (dead.length === 0) return 0;
  const living = features.filter((feature) => state.tokensSinceFired[feature]! < deadAfterTokens);
  const meanNorm = (matrix: Float32Array): number => {
    const norms = rowNorms(matrix, dSae);
    return mean(
      living.map((feature) => norms[feature]!),
      1,
    );
  };
  const decoderNorm = shape.unitNormDecoder ? 1 : meanNorm(state.parameters.decoder);
  const { threshold } = state.parameters;
  const encoderNorm = (threshold === undefined ? ENCODER_SHARE : 1) * meanNorm(state.parameters.encoder);
  const firstThreshold = mean(
    living.map((feature) => threshold?.[feature] ?? 0),
    0,
  );
  const rows = drawRows(losses, dead.length, random);
  rows.forEach((row, index) => {
    const feature = dead[index]!;
    const input = batch.subarray(row * dIn, (row + 1) * dIn);
    revive(state, feature, input, encoderNorm, decoderNorm);
    if (threshold !== undefined) threshold[feature] = firstThreshold;
  });
  return rows.length;
}

function revive(
  { parameters, firstMoment, secondMoment, tokensSinceFired }: TrainingState,
  feature: number,
  input: Float32Array,
  encoderNorm: number,
  decoderNorm: number,
): void {
  const dIn = input.length;
  const offset = Float64Array.from(input, (value, i) => value - parameters.decoderBias[i]!);
  const length = Math.sqrt(offset.reduce((sum, value) => sum + value * value, 0));
  if (length === 0) return;
  offset.forEach((value, i) => {
    parameters.encoder[feature * dIn + i] = (encoderNorm * value) / length;
    parameters.decoder[feature * dIn + i] = (decoderNorm * value) / length;
  });
  for (const name of STARTING_AT_ZERO) if (parameters[name] !== undefined) parameters[name][feature] = 0;
  tokensSinceFired[feature] = 0;
  for (const moment of [firstMoment, secondMoment]) clearFeature(moment, feature, dIn);
}

function clearFeature(moment: DictionaryParameters, feature: number, dIn: number): void {
  moment.encoder.fill(0, feature * dIn, (feature + 1) * dIn);
  moment.decoder.fill(0, feature * dIn, (feature + 1) * dIn);
  for (const name of FEATURE_SCALARS) if (moment[name] !== undefined) moment[name][feature] = 0;
}
