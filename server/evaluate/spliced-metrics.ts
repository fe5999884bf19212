import type { SplicedLosses } from '../model/language-model.ts';
import type { MetricDefinition } from './metric.ts';

/** Sums over predictions, in nats. A prediction counts when neither its position nor its target is a special token. */
export const SPLICED_SUMS = [
  'predictions',
  'crossEntropyOriginal',
  'crossEntropyZero',
  'crossEntropySpliced',
  'divergenceZero',
  'divergenceSpliced',
] as const;
export type SplicedSums = Record<(typeof SPLICED_SUMS)[number], number>;

/**
 * Sums of one sequence.
 * @param special [tokens] 1 where the token is special
 * @param original [tokens − 1] losses without a patch; @param zero with zeros; @param spliced with x̂
 */
export function splicedSums(
  special: Uint8Array,
  original: Float32Array,
  zero: SplicedLosses,
  spliced: SplicedLosses,
): SplicedSums {
  const sums = {
    ...{ predictions: 0, crossEntropyOriginal: 0, crossEntropyZero: 0, crossEntropySpliced: 0 },
    ...{ divergenceZero: 0, divergenceSpliced: 0 },
  };
  for (let i = 0; i < original.length; i++) {
    if (special[i] === 1 || special[i + 1] === 1) continue;
    sums.predictions++;
    sums.crossEntropyOriginal += original[i]!;
    sums.crossEntropyZero += zero.crossEntropy[i]!;
    sums.crossEntropySpliced += spliced.crossEntropy[i]!;
    sums.divergenceZero += zero.divergence[i]!;
    sums.divergenceSpliced += spliced.divergence[i]!;
  }
  return sums;
}

/**
 * What replaces a sequence's activations: `replacement`'s rows at ordinary tokens, the original at special ones (an attention
 * sink at BOS is not the dictionary's to reconstruct).
 * @param activations [tokens, d_model]; @param replacement [ordinary tokens, d_model], or null for zeros
 */
export function patched(
  activations: Float32Array,
  special: Uint8Array,
  replacement: Float32Array | null,
): Float32Array {
  const width = activations.length / special.length;
  const result = new Float32Array(activations.length);
  let row = 0;
  for (let token = 0; token < special.length; token++) {
    const at = token * width;
    if (special[token] === 1) result.set(activations.subarray(at, at + width), at);
    else if (replacement !== null) result.set(replacement.subarray(row * width, ++row * width), at);
  }
  return result;
}

/** The rows of ordinary tokens. @returns [ordinary tokens, d_model] */
export function ordinaryRows(activations: Float32Array, special: Uint8Array): Float32Array {
  const width = activations.length / special.length;
  const ordinary = special.reduce((count, flag) => count + (flag === 1 ? 0 : 1), 0);
  const result = new Float32Array(ordinary * width);
  let row = 0;
  for (let token = 0; token < special.length; token++)
    if (special[token] !== 1) result.set(activations.subarray(token * width, (token + 1) * width), row++ * width);
  return result;
}

const OVER = 'means over predictions in nats, special tokens masked and left unpatched';

export const SPLICED_METRICS: readonly MetricDefinition<SplicedSums>[] = [
  {
    name: 'ce_score',
    formula: `(CE_zero − CE_sae) / (CE_zero − CE_orig), zero ablation; ${OVER}`,
    statistic: (sums) =>
      (sums.crossEntropyZero - sums.crossEntropySpliced) / (sums.crossEntropyZero - sums.crossEntropyOriginal),
  },
  {
    name: 'kl_score',
    formula: `(KL_zero − KL_sae) / KL_zero, KL(original ‖ patched); ${OVER}`,
    statistic: (sums) => (sums.divergenceZero - sums.divergenceSpliced) / sums.divergenceZero,
  },
  {
    name: 'perplexity_original',
    formula: `exp(CE_orig), the model unchanged; ${OVER}`,
    statistic: (sums) => Math.exp(sums.crossEntropyOriginal / sums.predictions),
  },
  {
    name: 'perplexity_zero_ablated',
    formula: `exp(CE_zero), activations set to zero; ${OVER}`,
    statistic: (sums) => Math.exp(sums.crossEntropyZero / sums.predictions),
  },
  {
    name: 'perplexity_spliced',
    formula: `exp(CE_sae), activations replaced by x̂; ${OVER}`,
    statistic: (sums) => Math.exp(sums.crossEntropySpliced / sums.predictions),
  },
];
