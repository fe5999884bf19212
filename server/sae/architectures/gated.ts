import type { GatedArchitecture } from '../../protocol/architectures.ts';
import { l1Coefficient, penaltyLearningRate, type ArchitectureFamily } from './family.ts';

/**
 * Gated (2404.16014). Decoder rows are kept at norm 1, except in SAELens' variant, whose penalty is weighted by their norms. r, b_mag and
 * b_gate start at 0 as in SAELens and dictionary_learning: gate and magnitude are then the same.
 */
export const gated: ArchitectureFamily<GatedArchitecture> = {
  check: () => undefined,
  shape: ({ variant }, widths) => ({
    ...{ ...widths, architecture: { kind: 'gated', variant }, applyDecoderBiasToInput: true, skip: false },
    unitNormDecoder: variant === 'paper',
  }),
  learningRate: (_, dSae) => penaltyLearningRate(dSae),
  needs: ({ l1, resampling }, widths) => ({
    ...{ sparsity: { kind: 'token', coefficient: l1Coefficient(l1, widths) }, auxiliaryLoss: false, resampling },
    ...{ prefixes: null, followsThreshold: false },
  }),
  initial: (_, dSae) => ({ magnitudeScale: new Float32Array(dSae), magnitudeBias: new Float32Array(dSae) }),
  stored: (trained) => trained,
  withCoefficient: (architecture, l1) => ({ ...architecture, l1 }),
};
