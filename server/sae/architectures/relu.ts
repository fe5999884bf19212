import type { ReluArchitecture } from '../../protocol/architectures.ts';
import { l1Coefficient, penaltyLearningRate, type ArchitectureFamily } from './family.ts';

/**
 * ReLU with an L1 penalty. `plain` keeps decoder rows at norm 1 (Bricken et al. 2023); the penalty weighted by decoder norms needs no
 * constraint (Anthropic, April 2024).
 */
export const relu: ArchitectureFamily<ReluArchitecture> = {
  check: () => undefined,
  shape: ({ penalty }, widths) => ({
    ...widths,
    ...{ architecture: { kind: 'relu', penalty }, applyDecoderBiasToInput: true, skip: false },
    unitNormDecoder: penalty === 'plain',
  }),
  learningRate: (_, dSae) => penaltyLearningRate(dSae),
  needs: ({ l1, resampling }, widths) => ({
    ...{ sparsity: { kind: 'token', coefficient: l1Coefficient(l1, widths) }, auxiliaryLoss: false, resampling },
    ...{ prefixes: null, followsThreshold: false },
  }),
  initial: () => ({}),
  stored: (trained) => trained,
  withCoefficient: (architecture, l1) => ({ ...architecture, l1 }),
};
