import type { BatchTopKArchitecture } from '../../protocol/architectures.ts';
import { INFERRED_JUMPRELU, topkLearningRate, type ArchitectureFamily, type StoredForm } from './family.ts';
import { checkSelection, refuseCoefficient, selectingNeeds, selectingShape, withoutRescaling } from './topk.ts';

/**
 * A batch cannot be chosen from where tokens come one at a time: for inference the selection is replaced by a threshold, one for all
 * features (2412.06410), and the dictionary is stored as a JumpReLU one (SAELens' `save_inference_model`).
 */
export function thresholded(trained: StoredForm, threshold: number): StoredForm {
  const { shape, parameters } = withoutRescaling(trained);
  return {
    shape: { ...shape, architecture: INFERRED_JUMPRELU },
    parameters: { ...parameters, threshold: new Float32Array(shape.dSae).fill(threshold) },
  };
}

/** BatchTopK (2412.06410). */
export const batchtopk: ArchitectureFamily<BatchTopKArchitecture> = {
  check: checkSelection,
  shape: selectingShape,
  learningRate: (_, dSae) => topkLearningRate(dSae),
  needs: (architecture) => ({ ...selectingNeeds(architecture), followsThreshold: true }),
  initial: () => ({}),
  stored: thresholded,
  withCoefficient: refuseCoefficient,
};
