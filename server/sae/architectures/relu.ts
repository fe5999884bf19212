import type { ReluArchitecture } from '../../protocol/architectures.ts';
import { penaltyLearningRate, type ArchitectureFamily } from './family.ts';

/**
 * ReLU with an L1 penalty. `plain` keeps decoder rows at norm 1 (Bricken et al. 2023); the penalty weighted by decoder norms needs no
 * constraint (Anthropic, April 2024). λ = 5 is the latter's, on activations of mean norm √d_in.
 */
export const relu: ArchitectureFamily<ReluArchitecture> = {
  check: () => undefined,
  shape: ({ penalty }, widths) => ({
    ...widths,
    ...{ architecture: { kind: 'relu', penalty }, applyDecoderBiasToInput: true, skip: false },
    unitNormDecoder: penalty === 'plain',
  }),
  learningRate: (_, dSae) => penaltyLearningRate(dSae),
  needs: ({ l1, resampling }) => ({
    ...{ sparsity: { kind: 'token', coefficient: l1 }, auxiliaryLoss: false, resampling },
    ...{ prefixes: null, followsThreshold: false },
  }),
  initial: () => ({}),
  stored: (trained) => trained,
  withCoefficient: (architecture, l1) => ({ ...architecture, l1 }),
};
