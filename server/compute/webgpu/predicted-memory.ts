/** What a training step takes of a GPU, before anything is allocated there: the buffers of this folder, added up. */
import { parameterLengths, type EngineShape, type MomentStorage } from '../engine.ts';
import { formulasOf } from './kernels/formulas.ts';

/** A training step: its dictionary, its batch, and what the objective adds to it. */
export interface GpuStep {
  readonly shape: EngineShape;
  /** Tokens. */
  readonly batch: number;
  /** Prefixes of a Matryoshka dictionary; of others 1. */
  readonly levels: number;
  /** k of the auxiliary loss; 0 without one. */
  readonly auxiliary: number;
  /** Of Adam; absent: float32. */
  readonly moments?: MomentStorage;
  /** Whether the loss has a part that only the trainer knows. */
  readonly takesSlopes?: boolean;
}

/** Buffers of one purpose. */
export interface GpuTerm {
  readonly what: string;
  readonly arithmetic: string;
  readonly bytes: number;
  /** Of the largest buffer among them that cannot be cut into tiles, blocks or bands. */
  readonly largest: number;
}

const MEBIBYTE = 2 ** 20;
/** As in `webgpu-engine.ts`, `gradient.ts`, `parameters.ts` and `transposing.ts`. */
const BLOCK_BYTES = 256 * MEBIBYTE;
const CHUNK_BYTES = 32 * MEBIBYTE;
const READ_BYTES = 256 * MEBIBYTE;
const BANDS = 128;
/** Numbers kept of a feature: its facts, its sums, what moves, trains, is silent, dead, touched, counted, and where its lists begin. */
const FEATURE_WORDS = 20;
/** Of an entry of the batch: feature, value, decoded value, δ, and its place in the lists by feature. */
const ENTRY_WORDS = 6;

/** Activations of a token that there is room for at first; more are made room for when a batch has more. */
function entriesOf({ architecture, dSae }: EngineShape): number {
  if (!('k' in architecture)) return Math.ceil(dSae / 16) + 1;
  return Math.min(dSae, architecture.k);
}

function entryTerms({ shape, batch, auxiliary }: GpuStep): GpuTerm[] {
  const { kind } = shape.architecture;
  const extra = (formulasOf(shape.architecture).hasExtras ? 4 : 0) + (kind === 'gated' ? 1 : 0);
  const isOfBatch = kind === 'batchtopk' || kind === 'matryoshka';
  const words = ENTRY_WORDS + extra;
  const entries = entriesOf(shape);
  const dead = Math.min(auxiliary, shape.dSae);
  const term = (what: string, count: number, of: number, widest: number): GpuTerm => ({
    ...{ what, arithmetic: `4 × ${batch} × ${count} × ${of}`, bytes: 4 * batch * count * of },
    largest: 4 * batch * count * widest,
  });
  return [
    term('activations', entries, words, extra >= 4 ? 4 : 2),
    // Every positive one until the first batch has shown where to cut: half of all where weights are new, few where they are not.
    ...(isOfBatch ? [term("candidates of the batch's choice", Math.ceil((9 / 16) * shape.dSae), 2, 0)] : []),
    ...(dead === 0 ? [] : [term('activations of dead features', dead, ENTRY_WORDS, 2)]),
  ];
}

/** Every term of what a step takes. The activations of dictionaries without a k are a first guess, which may grow. */
export function predictGpuMemory(step: GpuStep): GpuTerm[] {
  const { shape, batch, levels, auxiliary } = step;
  const { dIn, dOut, dSae, architecture } = shape;
  const parameters = parameterLengths(shape).reduce((sum, [, length]) => sum + length, 0);
  const matrices = levels + (architecture.kind === 'gated' ? 1 : 0) + (auxiliary > 0 ? 1 : 0);
  const hasTargets = shape.skip || dIn !== dOut || !shape.applyDecoderBiasToInput;
  const inputs = dIn + (hasTargets ? dOut : 0);
  const products = Math.min(BLOCK_BYTES, 4 * batch * dSae);
  const chunk = Math.min(CHUNK_BYTES, 4 * dSae * Math.max(dIn, dOut));
  return [
    {
      ...{ what: 'parameters and two moments', arithmetic: `3 × 4 × ${parameters}`, bytes: 12 * parameters },
      largest: 4 * Math.max(dSae, shape.skip ? dIn * dOut : 0),
    },
    {
      ...{ what: 'batch', arithmetic: `4 × ${batch} × ${inputs}`, bytes: 4 * batch * inputs },
      largest: 4 * batch * Math.max(dIn, dOut),
    },
    {
      ...{ what: 'residuals', arithmetic: `4 × ${batch} × ${dOut} × ${matrices}`, bytes: 4 * batch * dOut * matrices },
      largest: 4 * batch * dOut,
    },
    {
      ...{ what: 'pre-activations', arithmetic: `4 × ${batch} × ${dSae}, at most 256 MiB`, bytes: products },
      largest: 4 * dSae,
    },
    ...entryTerms(step),
    {
      ...{ what: 'facts of the features', arithmetic: `4 × ${dSae} × (${FEATURE_WORDS} + ${BANDS})` },
      ...{ bytes: 4 * dSae * (FEATURE_WORDS + BANDS), largest: 4 * dSae * 5 },
    },
    {
      what: 'gradients of a chunk',
      arithmetic: `2 × 4 × ${dSae} × ${Math.max(dIn, dOut)}, at most 64 MiB`,
      ...{ bytes: 2 * chunk, largest: 4 * Math.max(dIn, dOut) },
    },
    {
      what: 'what is read back',
      arithmetic: `4 × ${dSae} × ${Math.max(dIn, dOut)}, at most 256 MiB`,
      bytes: Math.min(READ_BYTES, 4 * dSae * Math.max(dIn, dOut)),
      largest: 0,
    },
  ];
}

export const mebibytes = (bytes: number): string => `${Number((bytes / MEBIBYTE).toPrecision(3))} MiB`;

/**
 * Why a step cannot run on a GPU: it asks for what the engine has not, or the GPU binds so many bytes of one buffer at once; null where it
 * can. WebGPU does not tell how much memory there is in all, so that the sum is no reason.
 */
export function gpuShortfall(step: GpuStep, name: string, maxBytes: number): string | null {
  if (step.moments === 'bfloat16') return 'it keeps float32 moments only, and --moments is bfloat16';
  if (step.takesSlopes === true) return 'it takes no slopes from outside, which --kl needs';
  const beyond = predictGpuMemory(step).find(({ largest }) => largest > maxBytes);
  if (beyond === undefined) return null;
  const { what, arithmetic, bytes, largest } = beyond;
  return `${what} take ${mebibytes(bytes)} (${arithmetic}), ${mebibytes(largest)} of them in one buffer, and ${name} binds at most ${mebibytes(maxBytes)} at once`;
}
