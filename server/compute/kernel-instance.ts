/**
 * One dictionary inside the kernels, as the addon and the WebAssembly build both offer it. Names and order are those of
 * `kernels/calls.h` and `kernels/dictionary.h`.
 */
import type { DictionaryParameters, EngineShape } from './engine.ts';

export const REGIONS = [
  ...(['settings', 'results'] as const),
  ...(['encoder', 'encoderBias', 'decoder', 'decoderBias'] as const),
  ...(['firstEncoder', 'firstEncoderBias', 'firstDecoder', 'firstDecoderBias'] as const),
  ...(['secondEncoder', 'secondEncoderBias', 'secondDecoder', 'secondDecoderBias'] as const),
  ...(['gradientEncoder', 'gradientEncoderBias', 'gradientDecoder', 'gradientDecoderBias'] as const),
  ...(['tokensSinceFired', 'tokens', 'reconstructionLoss', 'sparsityLoss'] as const),
  ...(['reconstructionWeight', 'sparsityWeight'] as const),
  ...(['rowOffsets', 'rowFeatures', 'rowValues', 'output'] as const),
] as const;
export type RegionName = (typeof REGIONS)[number];

/** Regions of [rows, d_in] whose rows are padded to `rowStride` floats. */
const MATRICES: ReadonlySet<RegionName> = new Set<RegionName>([
  ...(['encoder', 'decoder', 'firstEncoder', 'firstDecoder', 'secondEncoder', 'secondDecoder'] as const),
  ...(['gradientEncoder', 'gradientDecoder', 'tokens', 'output'] as const),
]);

export const CALLS = ['forward', 'backward', 'gradient', 'encode', 'decode'] as const;
export type CallName = (typeof CALLS)[number];

const SETTINGS = [
  ...(['tokens', 'sparsityCoefficient', 'stepSize', 'rootCorrection', 'beta1', 'beta2', 'epsilon'] as const),
  ...(['maxGradientNorm', 'auxiliaryK', 'auxiliaryCoefficient', 'deadAfterTokens', 'auxiliaryNormalised'] as const),
] as const;
export type CallSettings = Partial<Record<(typeof SETTINGS)[number], number>>;

const RESULTS = ['outOfMemory', 'notFiniteRow', 'active', 'auxiliaryLoss', 'gradientNorm', 'dead'] as const;
export type CallResults = Record<(typeof RESULTS)[number], number>;

export type RegionArray = Float32Array | Float64Array | Uint32Array;

export interface KernelInstance {
  /** @throws WorkError when there is no memory for it */
  write(region: RegionName, data: RegionArray): void;
  read(region: RegionName, into: RegionArray): void;
  /** After parameters or moments were written. */
  parametersWritten(): void;
  run(call: CallName): Promise<void>;
  dispose(): void;
}

/** What an instance is made for. */
export interface KernelLayout {
  readonly shape: EngineShape;
  readonly trains: boolean;
}

/** Makes instances; the engines differ in this alone. */
export interface Kernels extends AsyncDisposable {
  open(layout: KernelLayout): Promise<KernelInstance>;
}

/** Floats of a padded row. */
export function rowStride(dIn: number): number {
  return Math.ceil(dIn / 16) * 16;
}

/** How an array lies in a region: `rows` rows of `columns` numbers, `stride` apart. */
export function regionRows(
  region: RegionName,
  length: number,
  dIn: number,
): [rows: number, columns: number, stride: number] {
  return MATRICES.has(region) ? [length / dIn, dIn, rowStride(dIn)] : [1, length, length];
}

/** k and flags as `prepare` in `kernels/calls.h` takes them. */
export function kernelArguments({
  shape,
  trains,
}: KernelLayout): [dIn: number, dSae: number, k: number, flags: number] {
  const { architecture } = shape;
  const weighted = architecture.kind === 'relu' && architecture.penalty === 'decoder_norm_weighted';
  const flags = [shape.applyDecoderBiasToInput, shape.unitNormDecoder, weighted, trains];
  return [
    shape.dIn,
    shape.dSae,
    architecture.kind === 'topk' ? architecture.k : 0,
    flags.reduce((bits, flag, index) => bits | (flag ? 1 << index : 0), 0),
  ];
}

/** Bytes of parameters, packed encoder and moments. */
export function dictionaryBytes({ shape, trains }: KernelLayout): number {
  const matrix = 4 * shape.dSae * rowStride(shape.dIn);
  return (trains ? 7 : 3) * matrix;
}

const CALL_BASE_BYTES = 64 * 2 ** 20;
/** Matrices of [tokens, d_in] that a call keeps: inputs, centred inputs, residuals, auxiliary residuals, reconstructions, one spare. */
const CALL_MATRICES = 6;
/** Lists by token and by feature: value, feature, gradient, token. */
const ENTRY_BYTES = 48;
const MAX_AUXILIARY_FEATURES = 1024;

/** What a call over this many tokens allocates at most; a generous estimate. */
export function callBytes({ shape }: KernelLayout, tokens: number): number {
  const { architecture, dSae, dIn } = shape;
  const entries = Math.min(dSae, architecture.kind === 'topk' ? architecture.k + MAX_AUXILIARY_FEATURES : dSae);
  const token = CALL_MATRICES * 4 * rowStride(dIn) + ENTRY_BYTES * entries;
  return CALL_BASE_BYTES + tokens * token + 256 * dSae;
}

export function writeSettings(instance: KernelInstance, settings: CallSettings): void {
  instance.write(
    'settings',
    Float64Array.from(SETTINGS, (name) => settings[name] ?? 0),
  );
}

export function readResults(instance: KernelInstance): CallResults {
  const values = new Float64Array(RESULTS.length);
  instance.read('results', values);
  return Object.fromEntries(RESULTS.map((name, index) => [name, values[index]!])) as CallResults;
}

export type ParameterGroup = '' | 'first' | 'second' | 'gradient';

function regionOf(group: ParameterGroup, name: keyof DictionaryParameters): RegionName {
  return group === '' ? name : (`${group}${name[0]!.toUpperCase()}${name.slice(1)}` as RegionName);
}

export function writeParameters(
  instance: KernelInstance,
  group: ParameterGroup,
  parameters: DictionaryParameters,
): void {
  for (const name of ['encoder', 'encoderBias', 'decoder', 'decoderBias'] as const)
    instance.write(regionOf(group, name), parameters[name]);
}

export function readParameters(
  instance: KernelInstance,
  group: ParameterGroup,
  shape: EngineShape,
): DictionaryParameters {
  const { dIn, dSae } = shape;
  const read = (name: keyof DictionaryParameters, length: number): Float32Array => {
    const values = new Float32Array(length);
    instance.read(regionOf(group, name), values);
    return values;
  };
  return {
    encoder: read('encoder', dSae * dIn),
    encoderBias: read('encoderBias', dSae),
    decoder: read('decoder', dSae * dIn),
    decoderBias: read('decoderBias', dIn),
  };
}
