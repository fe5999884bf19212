import type { DictionaryParameters, EngineArchitecture, EngineShape } from '../../compute/engine.ts';
import type { Prefixes } from '../../protocol/architectures.ts';

/** Sizes of what a dictionary reads and reconstructs, and the number of its features. */
export interface Widths {
  readonly dIn: number;
  readonly dOut: number;
  readonly dSae: number;
}

/** The penalty that is added to the reconstruction's losses. */
export type SparsityTerm =
  | { readonly kind: 'none' }
  /** λ times the engine's penalty of each token; part of the token's loss. */
  | { readonly kind: 'token'; readonly coefficient: number }
  /** λ (L0 / target − 1)², L0 the batch's mean; never tilted. */
  | { readonly kind: 'target_l0'; readonly target: number; readonly coefficient: number };

/** What training needs beside an engine's shape. */
export interface TrainingNeeds {
  readonly sparsity: SparsityTerm;
  /** AuxK on dead features (2406.04093). */
  readonly auxiliaryLoss: boolean;
  /** Dead features start anew (Bricken et al. 2023). */
  readonly resampling: boolean;
  readonly prefixes: Prefixes | null;
  /** A moving average of the batch's smallest activation becomes the threshold of the stored dictionary. */
  readonly followsThreshold: boolean;
}

/** A dictionary as it is stored and read with: scale apart. */
export interface StoredForm {
  readonly shape: EngineShape;
  readonly parameters: DictionaryParameters;
}

/** Arrays that a shape has beside encoder, decoder and their biases. */
export type ExtraParameters = Pick<DictionaryParameters, 'threshold' | 'magnitudeScale' | 'magnitudeBias'>;

/**
 * One description of an architecture: everything that planning, training, storing and finetuning ask of it.
 * @typeParam A the request that asks for it, of `protocol/architectures.ts`
 */
export interface ArchitectureFamily<A> {
  /** @throws UsageError when the request cannot be met by a dictionary of `dSae` features */
  readonly check: (architecture: A, dSae: number) => void;
  readonly shape: (architecture: A, widths: Widths) => EngineShape;
  /** Adam's learning rate where none is given, for training from scratch. */
  readonly learningRate: (architecture: A, dSae: number) => number;
  readonly needs: (architecture: A, widths: Widths) => TrainingNeeds;
  /** What the extra arrays of new weights hold. */
  readonly initial: (architecture: A, dSae: number) => ExtraParameters;
  /** The form other libraries load. @param threshold {@link TrainingNeeds.followsThreshold}'s, 0 where nothing ever fired */
  readonly stored: (trained: StoredForm, threshold: number) => StoredForm;
  /** The same with another λ. @throws UsageError where there is none */
  readonly withCoefficient: (architecture: A, coefficient: number) => A;
}

/**
 * 2e-4 / √(n / 2¹⁴): the scaling of 2406.04093 with the constant of dictionary_learning's TopK, BatchTopK and Matryoshka trainers.
 */
export const topkLearningRate = (dSae: number): number => 2e-4 / Math.sqrt(dSae / 2 ** 14);

/** SAELens' 3e-4 scaled as {@link topkLearningRate}, at most 1e-3 (dictionary_learning's default). */
export const penaltyLearningRate = (dSae: number): number => Math.min(1e-3, 3e-4 / Math.sqrt(dSae / 2 ** 14));

/**
 * λ of an L1 penalty where none is given: 5 √(d / 1024). Activations have the mean norm √d, so one of k equal features fires with
 * √(d / k), and the penalty takes λ / 2 off it: a λ that is the same at every width silences narrow models. 5 is Anthropic's (April
 * 2024) for wide ones. What it gives at 64 and 256 is in docs/experiments/l1-default.md.
 */
export const l1Coefficient = (l1: number | null, { dOut }: Pick<Widths, 'dOut'>): number =>
  l1 ?? 5 * Math.sqrt(dOut / 1024);

/** ε of SAELens' JumpReLU, for dictionaries that only infer or do not say what they were trained with. */
export const DEFAULT_BANDWIDTH = 0.05;

/** What a jumprelu dictionary's file says where nobody noted how it was trained. */
export const INFERRED_JUMPRELU: Extract<EngineArchitecture, { kind: 'jumprelu' }> = {
  ...{ kind: 'jumprelu', penalty: { kind: 'step' }, bandwidth: DEFAULT_BANDWIDTH, straightThroughToInput: false },
};
