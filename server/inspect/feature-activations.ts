import type { EngineDictionary } from '../compute/engine.ts';
import type { Dictionary } from '../sae/dictionary.ts';

/** Of a bound on activations; numbers here and in the engine are rounded differently. */
const SLACK = 0.99;

/**
 * Activation of one feature on every row. Only rows whose pre-activation W_enc[:, j] · (x − b_dec) + b_enc[j] is high enough are encoded:
 * the feature cannot fire on the others, and it fires on few.
 * @param rows [tokens, d_in] in the dictionary's units
 * @param weakest below every activation that is asked for; 0 for all that fire
 * @returns [tokens] 0 where the feature does not fire
 */
export async function activationsOfFeature(
  rows: Float32Array,
  feature: number,
  { dictionary, engine }: { readonly dictionary: Dictionary; readonly engine: EngineDictionary },
  weakest: number,
): Promise<Float32Array> {
  const { dIn } = dictionary.shape;
  const preactivation = encoderOf(dictionary, feature);
  const activations = new Float32Array(rows.length / dIn);
  const candidates = [...activations.keys()].filter((row) => preactivation(rows, row) > weakest * SLACK);
  const chosen = new Float32Array(candidates.length * dIn);
  for (const [i, row] of candidates.entries()) chosen.set(rows.subarray(row * dIn, (row + 1) * dIn), i * dIn);
  const { offsets, features, values } = await engine.encode(chosen);
  for (const [i, row] of candidates.entries()) {
    const place = features.subarray(offsets[i], offsets[i + 1]).indexOf(feature);
    if (place >= 0) activations[row] = values[offsets[i]! + place]!;
  }
  return activations;
}

/** The pre-activation of a feature on a row, in float64. */
function encoderOf({ parameters, shape }: Dictionary, feature: number): (rows: Float32Array, row: number) => number {
  const { dIn, applyDecoderBiasToInput } = shape;
  const encoder = parameters.encoder.subarray(feature * dIn, (feature + 1) * dIn);
  let bias = parameters.encoderBias[feature]!;
  if (applyDecoderBiasToInput) for (let i = 0; i < dIn; i++) bias -= encoder[i]! * parameters.decoderBias[i]!;
  return (rows, row) => {
    let sum = bias;
    for (let i = 0; i < dIn; i++) sum += encoder[i]! * rows[row * dIn + i]!;
    return sum;
  };
}
