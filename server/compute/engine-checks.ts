/** What callers may ask of an engine. The kernels trust what passes these checks. */
import {
  parameterLengths,
  type DictionaryParameters,
  type EngineName,
  type EngineShape,
  type ForwardSettings,
  type MomentStorage,
  type ParameterName,
  type SparseFeatures,
  type StepSettings,
  type TokenWeights,
  type TrainingState,
} from './engine.ts';
import { UsageError, WorkError } from '../foundation/errors.ts';

/** Indexes in the kernels are 32-bit. */
const MAX_ENTRIES = 2 ** 32 - 1;

function requireWhole(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new UsageError(`${name} is ${value}; expected a whole number from ${least} to ${most}`);
}

function requireNumber(name: string, value: number, fits: boolean, expected: string): void {
  if (!Number.isFinite(value) || !fits) throw new UsageError(`${name} is ${value}; expected ${expected}`);
}

function requireLength(name: string, array: { readonly length: number }, expected: number): void {
  if (array.length !== expected)
    throw new UsageError(`${name} has ${array.length} values; the dictionary's shape needs ${expected}`);
}

/** @param engine null where any may be taken */
export function checkMoments(moments: MomentStorage, engine: EngineName | null): void {
  if (moments === 'bfloat16' && (engine === 'webgpu' || engine === 'tensorflow'))
    throw new UsageError(
      `--moments is bfloat16, and the engine ${engine} keeps float32 moments only; expected --engine cpu or wasm, or no --moments`,
    );
}

export function checkShape(shape: EngineShape): void {
  requireWhole('d_in', shape.dIn, 1, 2 ** 20);
  requireWhole('d_sae', shape.dSae, 1, 2 ** 26);
  requireNumber(
    'd_in × d_sae',
    shape.dIn * shape.dSae,
    shape.dIn * shape.dSae < MAX_ENTRIES,
    'fewer than 2^32 weights',
  );
  requireWhole('d_out', shape.dOut, 1, 2 ** 20);
  requireNumber(
    'd_out × d_sae',
    shape.dOut * shape.dSae,
    shape.dOut * shape.dSae < MAX_ENTRIES,
    'fewer than 2^32 weights',
  );
  if (shape.applyDecoderBiasToInput && (shape.dOut !== shape.dIn || shape.skip))
    throw new UsageError(
      'a transcoder cannot subtract its decoder bias from its input, which is another space: apply_b_dec_to_input must be false',
    );
  checkArchitecture(shape);
}

function checkArchitecture({ architecture, dSae, skip }: EngineShape): void {
  if (skip && architecture.kind === 'gated')
    throw new UsageError('a gated dictionary has no skip: its gate is trained on a reconstruction of its own');
  if ('k' in architecture) requireWhole('k', architecture.k, 1, dSae);
  if (architecture.kind !== 'jumprelu') return;
  const { bandwidth, penalty } = architecture;
  requireNumber('the bandwidth', bandwidth, bandwidth > 0, 'a number > 0');
  if (penalty.kind === 'tanh')
    requireNumber('the scale of the tanh penalty', penalty.scale, penalty.scale > 0, 'a number > 0');
}

const PARAMETER_WORDS: Record<ParameterName, string> = {
  ...{ encoder: 'W_enc', encoderBias: 'b_enc', decoder: 'W_dec', decoderBias: 'b_dec', skip: 'W_skip' },
  ...{ threshold: 'threshold', magnitudeScale: 'r_mag', magnitudeBias: 'b_mag' },
};

export function checkParameters(shape: EngineShape, parameters: DictionaryParameters): void {
  for (const [name, length] of parameterLengths(shape)) {
    const values = parameters[name];
    if (values === undefined)
      throw new UsageError(`${PARAMETER_WORDS[name]} is missing; the dictionary's shape needs it`);
    requireLength(PARAMETER_WORDS[name], values, length);
  }
}

export function checkState(shape: EngineShape, state: TrainingState): void {
  for (const group of [state.parameters, state.firstMoment, state.secondMoment]) checkParameters(shape, group);
  requireLength('tokensSinceFired', state.tokensSinceFired, shape.dSae);
  requireWhole('steps', state.steps, 0, Number.MAX_SAFE_INTEGER);
}

/** @returns the number of tokens, [tokens, d_in] */
export function tokensOf(shape: EngineShape, activations: Float32Array): number {
  const tokens = activations.length / shape.dIn;
  if (!Number.isInteger(tokens))
    throw new UsageError(`activations have ${activations.length} values, not a multiple of d_in = ${shape.dIn}`);
  return tokens;
}

/** @throws WorkError naming the first row that is not finite */
export function requireFinite(activations: Float32Array, dIn: number, firstRow = 0): void {
  for (let i = 0; i < activations.length; i++)
    if (!Number.isFinite(activations[i]))
      throw new WorkError(`activation row ${firstRow + Math.floor(i / dIn)} is not finite`);
}

export function checkBatch(shape: EngineShape, batch: Float32Array, settings: ForwardSettings): number {
  const { sparsityCoefficient, targets = null, widths = [] } = settings;
  const tokens = tokensOf(shape, batch);
  const k = shape.architecture.kind === 'topk' ? shape.architecture.k : shape.dSae;
  const widest = Math.max(k, shape.dIn + 16, Math.max(1, widths.length) * (shape.dOut + 16));
  requireWhole('the number of tokens in a batch', tokens, 1, Math.floor(MAX_ENTRIES / widest));
  checkWidths(shape, widths);
  if (targets !== null) requireLength('targets', targets, tokens * shape.dOut);
  else if (shape.dOut !== shape.dIn)
    throw new UsageError(`targets are missing; a dictionary from ${shape.dIn} to ${shape.dOut} dimensions needs them`);
  requireNumber('the sparsity coefficient', sparsityCoefficient, sparsityCoefficient >= 0, 'a number ≥ 0');
  return tokens;
}

function checkWidths({ architecture, dSae }: EngineShape, widths: readonly number[]): void {
  if (architecture.kind !== 'matryoshka') {
    if (widths.length > 0)
      throw new UsageError(`widths were given to a ${architecture.kind} dictionary; only matryoshka has them`);
    return;
  }
  for (const [index, width] of widths.entries())
    requireWhole(`prefix ${index} of the widths`, width, index === 0 ? 1 : widths[index - 1]! + 1, dSae);
  if (widths.at(-1) !== dSae)
    throw new UsageError(`the last of the widths is ${widths.at(-1)}; expected d_sae = ${dSae}`);
}

export function checkTrained(shape: EngineShape, features: Uint8Array): void {
  requireLength('the features that train', features, shape.dSae);
}

export function checkWeights(tokens: number, weights: TokenWeights): void {
  requireLength('the weights of the reconstruction', weights.reconstruction, tokens);
  requireLength('the weights of the sparsity', weights.sparsity, tokens);
}

/** @param slopes of x̂, [tokens, d_out] */
export function checkSlopes({ dOut }: EngineShape, tokens: number, slopes: Float32Array): void {
  requireLength('the slopes of the reconstruction', slopes, tokens * dOut);
}

export function checkSettings(shape: EngineShape, settings: StepSettings): void {
  const { learningRate, beta1, beta2, epsilon, maxGradientNorm, auxiliary } = settings;
  requireNumber('the learning rate', learningRate, learningRate >= 0, 'a number ≥ 0');
  requireNumber('beta1', beta1, beta1 >= 0 && beta1 < 1, 'a number from 0 to below 1');
  requireNumber('beta2', beta2, beta2 >= 0 && beta2 < 1, 'a number from 0 to below 1');
  requireNumber('epsilon', epsilon, Math.fround(epsilon) > 0, 'a number > 0');
  if (maxGradientNorm !== null)
    requireNumber('the largest gradient norm', maxGradientNorm, maxGradientNorm > 0, 'a number > 0');
  if (auxiliary === null) return;
  const { kind } = shape.architecture;
  if (kind === 'jumprelu' || kind === 'gated')
    throw new UsageError(`a ${kind} dictionary has no AuxK loss; leave the auxiliary loss out`);
  requireWhole("the auxiliary loss's k", auxiliary.k, 1, shape.dSae);
  requireNumber("the auxiliary loss's coefficient", auxiliary.coefficient, auxiliary.coefficient >= 0, 'a number ≥ 0');
  requireNumber("the auxiliary loss's window", auxiliary.deadAfterTokens, auxiliary.deadAfterTokens > 0, 'tokens > 0');
}

/** @throws UsageError unless these tokens may be the next piece of a batch of which so many were surveyed and accumulated */
export function checkPiece(
  { architecture: { kind } }: EngineShape,
  { auxiliary }: StepSettings,
  tokens: number,
  batchTokens: number,
  before: { readonly surveyed: number; readonly accumulated: number; readonly batchTokens: number },
): void {
  if (kind === 'batchtopk' || kind === 'matryoshka')
    throw new UsageError(`a ${kind} dictionary selects over its whole batch, which cannot come in pieces`);
  const { surveyed, accumulated } = before;
  requireWhole("the batch's number of tokens", batchTokens, accumulated + tokens, MAX_ENTRIES);
  if (accumulated > 0 && batchTokens !== before.batchTokens)
    throw new UsageError(`a piece of ${batchTokens} tokens follows pieces of a batch of ${before.batchTokens}`);
  if ((auxiliary !== null || surveyed > 0) && surveyed !== batchTokens)
    throw new UsageError(
      `${surveyed} of the batch's ${batchTokens} tokens were surveyed; the auxiliary loss needs all of them before the first accumulate`,
    );
}

/** @returns the number of tokens */
export function checkFeatures(shape: EngineShape, { offsets, features, values }: SparseFeatures): number {
  const tokens = offsets.length - 1;
  requireWhole('the number of tokens', tokens, 0, Math.floor(MAX_ENTRIES / (Math.max(shape.dIn, shape.dOut) + 16)));
  if (offsets[0] !== 0) throw new UsageError(`offsets start with ${offsets[0]}; expected 0`);
  for (let token = 0; token < tokens; token++)
    if (offsets[token + 1]! < offsets[token]!)
      throw new UsageError(`offsets fall from ${offsets[token]} to ${offsets[token + 1]} at token ${token}`);
  requireLength('features', features, offsets[tokens]!);
  requireLength('values', values, offsets[tokens]!);
  for (const feature of features)
    if (feature >= shape.dSae)
      throw new UsageError(`feature ${feature} does not exist; the dictionary has ${shape.dSae}`);
  return tokens;
}
