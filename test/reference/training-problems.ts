/** Random training problems of every architecture, objective and mode, with the shapes that go wrong: odd, tiny, dead, tied, zero. */
import fc from 'fast-check';
import {
  buildParameters,
  type AuxiliaryLoss,
  type DictionaryParameters,
  type EngineArchitecture,
  type EngineShape,
  type ForwardSettings,
  type StepSettings,
  type TokenWeights,
  type TrainingState,
} from '../../server/compute/engine.ts';
import { Random } from '../../server/foundation/random.ts';
import { isRescaled } from './activation.ts';

export interface TrainingBatch {
  /** [tokens, d_in] */
  readonly tokens: Float32Array;
  readonly forward: ForwardSettings;
  readonly weights: TokenWeights;
}

export interface TrainingProblem {
  readonly shape: EngineShape;
  readonly start: TrainingState;
  readonly batches: readonly TrainingBatch[];
  readonly settings: StepSettings;
  readonly trained: Uint8Array | null;
  /** Numbers are multiples of 1/8 at the start, so that sums and the ties among them are exact in float32. */
  readonly exact: boolean;
}

/** What a problem is drawn from; `seed` fills the arrays. */
export interface ProblemChoices {
  readonly dIn: number;
  /** Null: d_in. */
  readonly dOut: number | null;
  readonly dSae: number;
  readonly tokens: number;
  /** k as a share of d_sae. */
  readonly kShare: number;
  readonly rescaledByDecoderNorm: boolean;
  readonly applyDecoderBiasToInput: boolean;
  readonly unitNormDecoder: boolean;
  readonly skip: boolean;
  readonly targets: boolean;
  readonly objective: 'erm' | 'term' | 'term of the reconstruction';
  readonly auxiliary: AuxiliaryLoss['form'] | null;
  readonly clips: boolean;
  readonly partial: boolean;
  /** Start with moments, as in the middle of a training run. */
  readonly resumed: boolean;
  readonly exact: boolean;
  readonly seed: number;
}

export const problemChoices: fc.Arbitrary<ProblemChoices> = fc.record({
  dIn: fc.constantFrom(1, 5, 7, 16, 33, 53),
  dOut: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.constantFrom(1, 6, 17, 35) }),
  dSae: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 90 })),
  tokens: fc.oneof(
    { weight: 1, arbitrary: fc.constant(1) },
    { weight: 6, arbitrary: fc.integer({ min: 2, max: 30 }) },
    { weight: 1, arbitrary: fc.integer({ min: 90, max: 200 }) },
  ),
  kShare: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })),
  rescaledByDecoderNorm: fc.boolean(),
  applyDecoderBiasToInput: fc.boolean(),
  unitNormDecoder: fc.boolean(),
  skip: fc.boolean(),
  targets: fc.boolean(),
  objective: fc.constantFrom('erm', 'term', 'term of the reconstruction'),
  auxiliary: fc.constantFrom(null, 'normalised', 'plain', 'saelens'),
  clips: fc.boolean(),
  partial: fc.boolean(),
  resumed: fc.boolean(),
  exact: fc.boolean(),
  seed: fc.integer(),
});

type MakeArchitecture = (k: number, rescaledByDecoderNorm: boolean) => EngineArchitecture;

const STEP = { kind: 'step' } as const;
const TANH = { kind: 'tanh', scale: 1.5 } as const;
const BANDWIDTH = { kind: 'jumprelu', bandwidth: 0.5 } as const;

/** Every case of `EngineArchitecture` with its options; k and the rescaling are drawn. */
export const ARCHITECTURES: Readonly<Record<string, MakeArchitecture>> = {
  topk: (k, rescaledByDecoderNorm) => ({ kind: 'topk', k, rescaledByDecoderNorm }),
  batchtopk: (k, rescaledByDecoderNorm) => ({ kind: 'batchtopk', k, rescaledByDecoderNorm }),
  matryoshka: (k, rescaledByDecoderNorm) => ({ kind: 'matryoshka', k, rescaledByDecoderNorm }),
  'relu, weighted penalty': () => ({ kind: 'relu', penalty: 'decoder_norm_weighted' }),
  'relu, plain penalty': () => ({ kind: 'relu', penalty: 'plain' }),
  'jumprelu, step': () => ({ ...BANDWIDTH, penalty: STEP, straightThroughToInput: false }),
  'jumprelu, step, to input': () => ({ ...BANDWIDTH, penalty: STEP, straightThroughToInput: true }),
  'jumprelu, tanh': () => ({ ...BANDWIDTH, penalty: TANH, straightThroughToInput: false }),
  'jumprelu, tanh, to input': () => ({ ...BANDWIDTH, penalty: TANH, straightThroughToInput: true }),
  gated: () => ({ kind: 'gated', variant: 'paper' }),
  'gated as SAELens': () => ({ kind: 'gated', variant: 'saelens' }),
};

type Draw = (length: number, scale: number) => Float32Array;

function drawFrom(random: Random, exact: boolean): Draw {
  return (length, scale) => {
    const range = Math.round(8 * scale);
    return Float32Array.from({ length }, () =>
      exact ? (random.below(2 * range + 1) - range) / 8 : random.normal() * scale,
    );
  };
}

/** About one row in eight becomes 0. */
function clearRows(random: Random, matrix: Float32Array, width: number): Float32Array {
  for (let at = 0; at < matrix.length; at += width) if (random.below(8) === 0) matrix.fill(0, at, at + width);
  return matrix;
}

/** One entry a row: norms, and pre-activations times norms, are exact too. */
function keepOneEntry(random: Random, matrix: Float32Array, width: number): Float32Array {
  for (let at = 0; at < matrix.length; at += width) {
    const kept = at + random.below(width);
    for (let i = at; i < at + width; i++) if (i !== kept) matrix[i] = 0;
  }
  return matrix;
}

function drawParameters(shape: EngineShape, random: Random, draw: Draw, exact: boolean): DictionaryParameters {
  const { dIn, dOut, architecture } = shape;
  const sparse = exact && isRescaled(architecture);
  return buildParameters(shape, (name, length) => {
    switch (name) {
      case 'encoder':
        return clearRows(random, draw(length, 0.5), dIn);
      case 'decoder':
        return sparse
          ? keepOneEntry(random, clearRows(random, draw(length, 1), dOut), dOut)
          : clearRows(random, draw(length, 0.5), dOut);
      case 'magnitudeScale':
        return draw(length, 0.25);
      case 'encoderBias':
      case 'decoderBias':
      case 'threshold':
      case 'magnitudeBias':
      case 'skip':
        return draw(length, 0.5);
    }
  });
}

function drawWeights(random: Random, tokens: number, objective: ProblemChoices['objective']): TokenWeights {
  const even = new Float64Array(tokens).fill(1 / tokens);
  const powers = even.map(() => Math.exp(4 * random.uniform()));
  const total = powers.reduce((sum, power) => sum + power, 0);
  const tilted = powers.map((power) => power / total);
  return {
    reconstruction: objective === 'erm' ? even : tilted,
    sparsity: objective === 'term' ? tilted : even,
  };
}

/** Ascending prefixes that end with d_sae. */
function drawWidths(random: Random, dSae: number): number[] {
  const some = Array.from({ length: dSae - 1 }, (_, index) => index + 1).filter(() => random.below(dSae) < 3);
  return [...some, dSae];
}

function shapeOf(choices: ProblemChoices, make: MakeArchitecture): EngineShape {
  const { dIn, dSae, unitNormDecoder, applyDecoderBiasToInput } = choices;
  const dOut = choices.dOut ?? dIn;
  const architecture = make(Math.max(1, Math.round(choices.kShare * dSae)), choices.rescaledByDecoderNorm);
  const skip = choices.skip && architecture.kind !== 'gated';
  return {
    ...{ dIn, dOut, dSae, skip, unitNormDecoder, architecture },
    applyDecoderBiasToInput: applyDecoderBiasToInput && dOut === dIn && !skip,
  };
}

function settingsOf({ dSae, clips, auxiliary }: ProblemChoices, { architecture }: EngineShape): StepSettings {
  const takesAuxiliary = architecture.kind !== 'jumprelu' && architecture.kind !== 'gated';
  return {
    // Adam divides by |g| + ε: ε is so large that gradients which cancel to rounding noise move nothing.
    ...{ learningRate: 1e-2, beta1: 0.75, beta2: 0.96875, epsilon: 1e-2, maxGradientNorm: clips ? 0.5 : null },
    auxiliary:
      auxiliary !== null && takesAuxiliary
        ? { k: Math.min(7, dSae), coefficient: 0.5, deadAfterTokens: 300, form: auxiliary }
        : null,
  };
}

/** @param count of batches */
export function trainingProblem(choices: ProblemChoices, make: MakeArchitecture, count: number): TrainingProblem {
  const { tokens, exact, objective } = choices;
  const random = new Random(choices.seed);
  const draw = drawFrom(random, exact);
  const shape = shapeOf(choices, make);
  const { dIn, dOut, dSae, architecture } = shape;
  const moments = (scale: number, move: (value: number) => number): DictionaryParameters =>
    buildParameters(shape, (_, length) =>
      choices.resumed ? draw(length, 1).map((value) => move(value) * scale) : new Float32Array(length),
    );
  const penalised = ['relu', 'jumprelu', 'gated'].includes(architecture.kind);
  const makeBatch = (): TrainingBatch => ({
    tokens: clearRows(random, draw(tokens * dIn, 1), dIn),
    forward: {
      sparsityCoefficient: penalised ? 0.25 : 0,
      targets: choices.targets || dOut !== dIn ? draw(tokens * dOut, 1) : null,
      ...(architecture.kind === 'matryoshka' ? { widths: drawWidths(random, dSae) } : {}),
    },
    weights: drawWeights(random, tokens, objective),
  });
  return {
    ...{ shape, exact, settings: settingsOf(choices, shape) },
    start: {
      parameters: drawParameters(shape, random, draw, exact),
      firstMoment: moments(0.125, (value) => value),
      secondMoment: moments(0.125, (value) => value * value),
      steps: choices.resumed ? 7 : 0,
      tokensSinceFired: Float64Array.from({ length: dSae }, () => random.below(400)),
    },
    batches: Array.from({ length: count }, makeBatch),
    trained: choices.partial ? Uint8Array.from({ length: dSae }, () => random.below(2)) : null,
  };
}
