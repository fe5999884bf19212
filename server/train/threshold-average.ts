/** SAELens' `topk_threshold_lr`: about the last 100 steps count. */
const SLOWEST = 0.01;

/** Share of the average that a step replaces: about the last twentieth of the run counts, at most 100 steps of it. */
export const thresholdRate = (steps: number): number => Math.min(1, Math.max(SLOWEST, 20 / steps));

/**
 * Threshold of a batchtopk dictionary for inference: a moving average of the smallest activation its batches let through,
 * θ ← (1 − η) θ + η q as in SAELens. It begins with the first q, as dictionary_learning's does, and η is larger in short runs: an
 * average over steps in which the dictionary was still another one lets through too much.
 * @param threshold null before the first batch @param smallest null where nothing fired: no change
 */
export function nextThreshold(threshold: number | null, smallest: number | null, rate: number): number | null {
  if (smallest === null) return threshold;
  return threshold === null ? smallest : (1 - rate) * threshold + rate * smallest;
}
