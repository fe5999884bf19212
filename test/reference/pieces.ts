import type { EngineShape } from '../../server/compute/engine.ts';
import type { TrainingBatch } from './training-problems.ts';

/** A batch cut into pieces of so many tokens, the last one shorter where they do not divide it. */
export function piecesOf({ dIn, dOut }: EngineShape, batch: TrainingBatch, size: number): TrainingBatch[] {
  const { tokens, forward, weights } = batch;
  const count = weights.reconstruction.length;
  return Array.from({ length: Math.ceil(count / size) }, (_, index) => {
    const [first, end] = [index * size, Math.min(count, (index + 1) * size)];
    return {
      tokens: tokens.slice(first * dIn, end * dIn),
      forward: { ...forward, targets: forward.targets?.slice(first * dOut, end * dOut) ?? null },
      weights: {
        reconstruction: weights.reconstruction.slice(first, end),
        sparsity: weights.sparsity.slice(first, end),
      },
    };
  });
}
