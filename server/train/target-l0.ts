import type { WeighedLosses } from './objective.ts';

/**
 * Adds λ (L0/T − 1)², L0 the mean over the batch (dictionary_learning's `JumpReluTrainer`). It is a loss of the batch and not of its tokens, so
 * no objective tilts it. Its gradient is Σ_i 2λ (L0/T − 1) / (T B) ∇L0_i: one weight for all tokens, negative while L0 is too small.
 * @param weighed the reconstruction's losses @param counts [tokens] L0 of each token
 */
export function addTargetL0(
  weighed: WeighedLosses,
  counts: Float64Array,
  target: number,
  coefficient: number,
): WeighedLosses {
  const l0 = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const excess = l0 / target - 1;
  const weight = (2 * coefficient * excess) / (target * counts.length);
  return {
    ...weighed,
    loss: weighed.loss + coefficient * excess ** 2,
    weights: { ...weighed.weights, sparsity: new Float64Array(counts.length).fill(weight) },
  };
}
