import type { EngineShape } from '../../compute/engine.ts';
import { UsageError } from '../../foundation/errors.ts';
import type { BatchTopKArchitecture, MatryoshkaArchitecture, TopKArchitecture } from '../../protocol/architectures.ts';
import { foldDecoderNorms } from '../canonical.ts';
import {
  topkLearningRate,
  type ArchitectureFamily,
  type StoredForm,
  type TrainingNeeds,
  type Widths,
} from './family.ts';

/** An architecture that chooses k features. */
export type SelectingArchitecture = TopKArchitecture | BatchTopKArchitecture | MatryoshkaArchitecture;

export function checkSelection({ k }: SelectingArchitecture, dSae: number): void {
  if (k > dSae)
    throw new UsageError(
      `--k is ${k} and --d-sae is ${dSae}; a token cannot have more active features than there are: lower --k or raise --d-sae`,
    );
}

/** Decoder rows are kept at norm 1 (2406.04093), or pre-activations are rescaled by their norms (SAELens). */
export function selectingShape({ kind, k, rescaledByDecoderNorm }: SelectingArchitecture, widths: Widths): EngineShape {
  return {
    ...{ ...widths, architecture: { kind, k, rescaledByDecoderNorm }, applyDecoderBiasToInput: true, skip: false },
    unitNormDecoder: !rescaledByDecoderNorm,
  };
}

export function selectingNeeds({ auxiliaryLoss }: SelectingArchitecture): TrainingNeeds {
  return {
    ...{ sparsity: { kind: 'none' }, auxiliaryLoss, resampling: false },
    ...{ prefixes: null, followsThreshold: false },
  };
}

export function refuseCoefficient({ kind }: SelectingArchitecture, coefficient: number): never {
  throw new UsageError(`--l1 is ${coefficient}, but a ${kind} dictionary has no sparsity penalty; leave it out`);
}

/** Decoder norms are folded into the encoder, as SAELens' `save_inference_model` does. */
export function withoutRescaling({ shape, parameters }: StoredForm): StoredForm {
  const { architecture } = shape;
  if (!('rescaledByDecoderNorm' in architecture && architecture.rescaledByDecoderNorm)) return { shape, parameters };
  return {
    shape: { ...shape, architecture: { ...architecture, rescaledByDecoderNorm: false }, unitNormDecoder: true },
    parameters: foldDecoderNorms(parameters),
  };
}

/** TopK (2406.04093). */
export const topk: ArchitectureFamily<TopKArchitecture> = {
  check: checkSelection,
  shape: selectingShape,
  learningRate: (_, dSae) => topkLearningRate(dSae),
  needs: selectingNeeds,
  initial: () => ({}),
  stored: withoutRescaling,
  withCoefficient: refuseCoefficient,
};
