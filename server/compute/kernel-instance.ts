/**
 * One dictionary inside the kernels, as the addon and the WebAssembly build both offer it. Names and order are those of
 * `kernels/calls.h` and `kernels/dictionary.h`.
 */
import {
  buildParameters,
  parameterLengths,
  type DictionaryParameters,
  type EngineArchitecture,
  type EngineShape,
  type MomentStorage,
} from './engine.ts';

const GROUPS = ['', 'first', 'second', 'gradient'] as const;
export type ParameterGroup = (typeof GROUPS)[number];
type Grouped<Name extends string> = Name | `${'first' | 'second' | 'gradient'}${Capitalize<Name>}`;
const inGroups = <Name extends string>(names: readonly Name[]): Grouped<Name>[] =>
  GROUPS.flatMap((group) => names.map((name) => regionOf(group, name)));

export const REGIONS = [
  ...(['settings', 'results'] as const),
  ...inGroups(['encoder', 'encoderBias', 'decoder', 'decoderBias'] as const),
  ...inGroups(['threshold', 'magnitudeScale', 'magnitudeBias', 'skip'] as const),
  ...(['tokensSinceFired', 'trained', 'widths', 'tokens', 'targets', 'reconstructionLoss', 'sparsityLoss'] as const),
  ...(['reconstructionWeight', 'sparsityWeight'] as const),
  ...(['rowOffsets', 'rowFeatures', 'rowValues', 'output', 'residuals', 'outputSlopes'] as const),
] as const;
export type RegionName = (typeof REGIONS)[number];

/** Regions of matrices, whose rows are padded to `rowStride` floats: of width d_in, and of width d_out. */
const INPUT_MATRICES: ReadonlySet<RegionName> = new Set<RegionName>([
  ...inGroups(['encoder', 'skip'] as const),
  'tokens',
]);
const OUTPUT_MATRICES: ReadonlySet<RegionName> = new Set<RegionName>([
  ...inGroups(['decoder'] as const),
  ...(['targets', 'output', 'residuals', 'outputSlopes'] as const),
]);

export const CALLS = [
  ...(['forward', 'backward', 'gradient', 'encode', 'decode'] as const),
  ...(['survey', 'accumulate', 'apply'] as const),
] as const;
export type CallName = (typeof CALLS)[number];

const SETTINGS = [
  ...(['tokens', 'sparsityCoefficient', 'hasTargets', 'levels', 'bandwidth', 'tanhScale'] as const),
  ...(['stepSize', 'rootCorrection', 'beta1', 'beta2', 'epsilon'] as const),
  ...([
    'maxGradientNorm',
    'auxiliaryK',
    'auxiliaryCoefficient',
    'deadAfterTokens',
    'auxiliaryForm',
    'partial',
  ] as const),
  ...(['batchTokens', 'surveyed', 'accumulated', 'adamStep', 'hasSlopes'] as const),
] as const;
export type CallSettings = Partial<Record<(typeof SETTINGS)[number], number>>;

const RESULTS = ['outOfMemory', 'notFiniteRow', 'active', 'auxiliaryLoss', 'gradientNorm', 'dead', 'smallest'] as const;
export type CallResults = Record<(typeof RESULTS)[number], number>;

export type RegionArray = Float32Array | Float64Array | Uint32Array | Uint16Array | Uint8Array;

export interface KernelInstance {
  /**
   * @param first where in the region the array begins: a row of a matrix, else a number
   * @throws WorkError when there is no memory for it
   */
  write(region: RegionName, data: RegionArray, first?: number): void;
  read(region: RegionName, into: RegionArray, first?: number): void;
  /** After parameters or moments were written. */
  parametersWritten(): void;
  run(call: CallName): Promise<void>;
  dispose(): void;
}

/** What an instance is made for. */
export interface KernelLayout {
  readonly shape: EngineShape;
  readonly trains: boolean;
  readonly moments: MomentStorage;
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
  { dIn, dOut }: EngineShape,
): [rows: number, columns: number, stride: number] {
  if (INPUT_MATRICES.has(region)) return [length / dIn, dIn, rowStride(dIn)];
  if (OUTPUT_MATRICES.has(region)) return [length / dOut, dOut, rowStride(dOut)];
  return [1, length, length];
}

/** Numbers of a region between one place that `write` and `read` may begin at and the next. */
export function placeWidth(region: RegionName, { dIn, dOut }: EngineShape): number {
  if (INPUT_MATRICES.has(region)) return rowStride(dIn);
  return OUTPUT_MATRICES.has(region) ? rowStride(dOut) : 1;
}

/** As `Kind` in `kernels/dictionary.h`; Matryoshka's levels are given with each forward pass. */
const KINDS: Record<EngineArchitecture['kind'], number> = {
  relu: 0,
  topk: 1,
  batchtopk: 2,
  matryoshka: 2,
  jumprelu: 3,
  gated: 4,
};

/** As `prepare` in `kernels/calls.h` takes them. */
export type KernelArguments = [dIn: number, dOut: number, dSae: number, kind: number, k: number, flags: number];

export function kernelArguments({ shape, trains, moments }: KernelLayout): KernelArguments {
  const { architecture } = shape;
  const isTanh = architecture.kind === 'jumprelu' && architecture.penalty.kind === 'tanh';
  const isSaeLensGate = architecture.kind === 'gated' && architecture.variant === 'saelens';
  const isWeighted = architecture.kind === 'relu' && architecture.penalty === 'decoder_norm_weighted';
  const flags = [
    ...[shape.applyDecoderBiasToInput, shape.unitNormDecoder, isWeighted || isTanh || isSaeLensGate, trains],
    'rescaledByDecoderNorm' in architecture && architecture.rescaledByDecoderNorm,
    isTanh,
    architecture.kind === 'jumprelu' && architecture.straightThroughToInput,
    ...[isSaeLensGate, shape.skip, moments === 'bfloat16'],
  ];
  return [
    ...([shape.dIn, shape.dOut, shape.dSae, KINDS[architecture.kind]] as const),
    'k' in architecture ? architecture.k : 0,
    flags.reduce((bits, flag, index) => bits | (flag ? 1 << index : 0), 0),
  ];
}

/** Bytes of both moments, in units of the parameters'. */
export const MOMENT_COPIES: Readonly<Record<MomentStorage, number>> = { float32: 2, bfloat16: 1 };

/** Bytes of parameters, packed encoder and moments. */
export function dictionaryBytes({ shape, trains, moments }: KernelLayout): number {
  const { dIn, dOut, dSae } = shape;
  const encoder = 4 * dSae * rowStride(dIn);
  const parameters = encoder + 4 * dSae * rowStride(dOut) + (shape.skip ? 4 * dOut * rowStride(dIn) : 0);
  const copies = trains ? 1 + MOMENT_COPIES[moments] : 1;
  return copies * parameters + encoder;
}

/** Bytes of the gradient that the pieces of a batch sum up to. */
export function gradientBytes({ shape: { dIn, dOut, dSae, skip } }: KernelLayout): number {
  return 4 * dSae * (rowStride(dIn) + rowStride(dOut)) + 48 * dSae + (skip ? 4 * dOut * rowStride(dIn) : 0);
}

const CALL_BASE_BYTES = 64 * 2 ** 20;
/** Matrices of [tokens, d_in] that a call keeps: inputs, centred inputs, residuals, auxiliary residuals, reconstructions, one spare. */
const CALL_MATRICES = 6;
/** Lists by token and by feature: value, feature, gradient, token. */
const ENTRY_BYTES = 48;
const MAX_AUXILIARY_FEATURES = 1024;

/** What a call over this many tokens allocates at most, with so many Matryoshka levels; a generous estimate. */
export function callBytes({ shape }: KernelLayout, tokens: number, levels = 1): number {
  const { architecture, dSae, dIn, dOut } = shape;
  const perToken = architecture.kind === 'topk' ? architecture.k + MAX_AUXILIARY_FEATURES : dSae;
  const widest = rowStride(Math.max(dIn, dOut));
  const token = (CALL_MATRICES + levels) * 4 * widest + ENTRY_BYTES * Math.min(dSae, perToken);
  const skip = shape.skip ? 8 * widest * widest + 4 * tokens * widest : 0;
  return CALL_BASE_BYTES + tokens * token + 256 * dSae + skip;
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

export function regionOf<Name extends string>(group: ParameterGroup, name: Name): Grouped<Name> {
  return (group === '' ? name : `${group}${name[0]!.toUpperCase()}${name.slice(1)}`) as Grouped<Name>;
}

export function writeParameters(
  instance: KernelInstance,
  group: ParameterGroup,
  shape: EngineShape,
  parameters: DictionaryParameters,
): void {
  for (const [name] of parameterLengths(shape)) instance.write(regionOf(group, name), parameters[name]!);
}

export function readParameters(
  instance: KernelInstance,
  group: ParameterGroup,
  shape: EngineShape,
): DictionaryParameters {
  return buildParameters(shape, (name, length) => {
    const values = new Float32Array(length);
    instance.read(regionOf(group, name), values);
    return values;
  });
}
