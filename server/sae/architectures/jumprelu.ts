import type { JumpReluArchitecture } from '../../protocol/architectures.ts';
import { penaltyLearningRate, type ArchitectureFamily, type SparsityTerm } from './family.ts';

/**
 * dictionary_learning's `JumpReluTrainer` has λ = 1 on activations of mean square norm 1; ours have d_in, and squared errors with them.
 */
function sparsityOf({ penalty }: JumpReluArchitecture, dIn: number): SparsityTerm {
  if (penalty.kind !== 'target_l0') return { kind: 'token', coefficient: penalty.coefficient };
  return { kind: 'target_l0', target: penalty.target, coefficient: penalty.coefficient ?? dIn };
}

/** θ₀ of SAELens. */
const FIRST_THRESHOLD = 0.01;

/**
 * JumpReLU (2407.14435), with the step penalty, the tanh penalty (Anthropic, January 2025) or a target for L0. ε = 0.05, λ = 1 and c = 4
 * are SAELens' defaults. No decoder constraint: a feature's size is settled by its threshold. With a target most features start below their
 * threshold and have no gradient, so dead ones are resampled.
 */
export const jumprelu: ArchitectureFamily<JumpReluArchitecture> = {
  check: () => undefined,
  shape: ({ penalty, bandwidth, straightThroughToInput }, widths) => ({
    ...widths,
    architecture: {
      kind: 'jumprelu',
      penalty: penalty.kind === 'tanh' ? { kind: 'tanh', scale: penalty.scale } : { kind: 'step' },
      ...{ bandwidth, straightThroughToInput: straightThroughToInput ?? penalty.kind === 'target_l0' },
    },
    ...{ applyDecoderBiasToInput: true, unitNormDecoder: false, skip: false },
  }),
  learningRate: (_, dSae) => penaltyLearningRate(dSae),
  needs: (architecture, { dIn }) => ({
    ...{ sparsity: sparsityOf(architecture, dIn), auxiliaryLoss: false },
    resampling: architecture.resampling && architecture.penalty.kind === 'target_l0',
    ...{ prefixes: null, followsThreshold: false },
  }),
  initial: ({ initialThreshold }, dSae) => ({
    threshold: new Float32Array(dSae).fill(initialThreshold ?? FIRST_THRESHOLD),
  }),
  stored: (trained) => trained,
  withCoefficient: (architecture, coefficient) => ({
    ...architecture,
    penalty: { ...architecture.penalty, coefficient },
  }),
};
