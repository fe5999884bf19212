import type { DictionaryParameters, EngineDictionary, SparseFeatures } from '../compute/engine.ts';

/** Adds x W_skip to each row. @param rows [tokens, d_out], changed in place @param skip [d_out, d_in] */
function addSkip(rows: Float32Array, skip: Float32Array, activations: Float32Array, dIn: number): void {
  const dOut = skip.length / dIn;
  for (let at = 0; at < rows.length; at++) {
    const input = Math.floor(at / dOut) * dIn;
    const output = (at % dOut) * dIn;
    let sum = 0;
    for (let i = 0; i < dIn; i++) sum += activations[input + i]! * skip[output + i]!;
    rows[at]! += sum;
  }
}

/**
 * x̂ of tokens whose features are known: what the engine decodes, and a skip transcoder's linear map of the input.
 * @param activations [tokens, d_in] @returns [tokens, d_out]
 */
export async function reconstruct(
  dictionary: Pick<EngineDictionary, 'decode' | 'shape'>,
  { skip }: Pick<DictionaryParameters, 'skip'>,
  features: SparseFeatures,
  activations: Float32Array,
): Promise<Float32Array> {
  const rows = await dictionary.decode(features);
  if (skip !== undefined) addSkip(rows, skip, activations, dictionary.shape.dIn);
  return rows;
}
