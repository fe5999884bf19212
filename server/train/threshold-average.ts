/** SAELens' `topk_threshold_lr`. */
const RATE = 0.01;

/**
 * Threshold of a batchtopk dictionary for inference: a moving average of the smallest activation its batches let through,
 * θ ← 0.99 θ + 0.01 q as in SAELens. It begins with the first q, as dictionary_learning's does: from 0 a run of 100 steps would keep a
 * threshold that lets too much through.
 * @param threshold null before the first batch @param smallest null where nothing fired: no change
 */
export function nextThreshold(threshold: number | null, smallest: number | null): number | null {
  if (smallest === null) return threshold;
  return threshold === null ? smallest : (1 - RATE) * threshold + RATE * smallest;
}
