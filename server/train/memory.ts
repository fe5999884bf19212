/** How much memory a run takes, before anything of it is allocated. */
import {
  isMatrix,
  parameterLengths,
  type EngineName,
  type EngineShape,
  type MomentStorage,
} from '../compute/engine.ts';
import { rowStride } from '../compute/kernel-instance.ts';
import { WorkError } from '../foundation/errors.ts';
import { offeredMemory, type MemoryOffer } from '../foundation/machine-memory.ts';
import { BUFFER_BYTES } from './batches.ts';
import { PIECE_BYTES } from './checkpoint.ts';
import { SAMPLE_ROWS } from './initialise.ts';
import type { TrainingPlan } from './training-plan.ts';

/** One thing that is held, how its size comes about, and how large it is. */
export interface MemoryItem {
  readonly what: string;
  readonly arithmetic: string;
  readonly bytes: number;
}

export interface PredictedMemory {
  readonly items: readonly MemoryItem[];
  readonly bytes: number;
}

/** Node, the engine's code, and what a run holds whatever its size. */
const BASE_BYTES = 256 * 2 ** 20;
/** The batch that is trained on, the one made ahead, and the one in the making. */
const BATCHES = 3;
/** The one dealt from, the one read ahead, and what was read of a third before it is let go. */
const BUFFERS = 3;
/** Matrices [tokens, d] of a step: inputs, centred inputs, residuals, auxiliary residuals, reconstructions, one spare. */
const STEP_MATRICES = 6;
/** Of a kept activation: value and feature by token, value and token by feature. */
const ENTRY_BYTES = 16;
/** Kept for a token beside the k of top-k: the auxiliary loss's. */
const AUXILIARY_ENTRIES = 1024;
/** Prefixes of a Matryoshka dictionary, at most. */
const MATRYOSHKA_LEVELS = 8;

/** Matrices [tokens, d] of passages on their way through the model and back. */
const TAIL_MATRICES = 10;
/** Matrices of logits that a gradient is computed with at once; the model's thread bounds each. */
const TAIL_LOGITS = 12;

/** Engines that hand out a copy of the state for a checkpoint, instead of the state itself. */
const COPIES_ITS_STATE: readonly EngineName[] = ['webgpu', 'tensorflow'];

/** What a step over so many tokens takes. Half of all features fire where nothing but a penalty keeps them silent, and lists grow by doubling. */
function stepMemory({ dIn, dOut, dSae, architecture }: EngineShape, tokens: number): MemoryItem {
  const levels = architecture.kind === 'matryoshka' ? MATRYOSHKA_LEVELS : 1;
  const kept = architecture.kind === 'topk' ? Math.min(dSae, architecture.k + AUXILIARY_ENTRIES) : dSae;
  const width = rowStride(Math.max(dIn, dOut));
  return {
    what: 'one step',
    arithmetic: `${tokens} tokens × (${STEP_MATRICES + levels} × 4 × ${width} + ${ENTRY_BYTES} × ${kept})`,
    bytes: tokens * ((STEP_MATRICES + levels) * 4 * width + ENTRY_BYTES * kept),
  };
}

function momentsMemory(shape: EngineShape, storage: MomentStorage = 'float32'): MemoryItem {
  const { dIn, dOut, dSae } = shape;
  const bytes = parameterLengths(shape).reduce(
    (sum, [name, length]) => sum + 2 * (storage === 'bfloat16' && isMatrix(name) ? 2 : 4) * length,
    0,
  );
  const arithmetic =
    storage === 'float32' ? '2 × parameters' : `2 × 2 × ${dSae} × (${dIn} + ${dOut}) in bfloat16, and biases`;
  return { what: 'two moments', arithmetic, bytes };
}

/** Rows, reconstructions, residuals and slopes, here and in the model's thread; the model itself is not counted, as where it is harvested. */
function tailMemory({ dOut }: EngineShape, tokens: number): MemoryItem {
  return {
    what: "divergence of the model's predictions",
    arithmetic: `${TAIL_MATRICES} × 4 × ${tokens} × ${dOut} + ${TAIL_LOGITS} × 12 MiB`,
    bytes: TAIL_MATRICES * 4 * tokens * dOut + TAIL_LOGITS * 12 * 2 ** 20,
  };
}

/**
 * Peak memory of a run, the largest of three. When it starts: in the engine parameters and their two moments, and what they start from.
 * While it trains: the encoder packed for its product, what a step needs, and the gradient that pieces of a batch sum up to; in the
 * trainer batches, buffers of rows, the piece that a checkpoint is written by, and a copy of the state where the engine gives out
 * nothing else. When it ends the trained parameters are folded, measured, stored and read back; the moments are gone, but for those in
 * WebAssembly, whose memory never shrinks.
 */
export function predictMemory(
  { shape, batch, microBatch, divergence, moments: storage }: MemoryPlan,
  engine: EngineName | null = null,
): PredictedMemory {
  const { dIn, dOut, dSae } = shape;
  const parameters = 4 * parameterLengths(shape).reduce((sum, [, length]) => sum + length, 0);
  const packed = 4 * dSae * rowStride(dIn);
  const tokens = Math.max(batch, SAMPLE_ROWS);
  const weights: MemoryItem = {
    what: 'parameters',
    arithmetic: `4 × ${dSae} × (${dIn} + ${dOut}) and biases`,
    bytes: parameters,
  };
  const always: MemoryItem[] = [
    { what: 'packed encoder', arithmetic: `4 × ${dSae} × ${rowStride(dIn)}`, bytes: packed },
    {
      what: 'batches',
      arithmetic: `${BATCHES} × 4 × ${tokens} × (${dIn} + ${dOut})`,
      bytes: BATCHES * 4 * tokens * (dIn + dOut),
    },
    { what: 'buffer of rows', arithmetic: `${BUFFERS} × 64 MiB`, bytes: BUFFERS * BUFFER_BYTES },
    stepMemory(shape, microBatch ?? tokens),
    { what: 'program', arithmetic: '256 MiB', bytes: BASE_BYTES },
  ];
  const copies: MemoryItem = { what: 'copy of the state', arithmetic: '3 × parameters', bytes: 3 * parameters };
  const gradient: MemoryItem = { what: 'gradient of a batch', arithmetic: '1 × parameters', bytes: parameters };
  const moments = momentsMemory(shape, storage);
  const starting: MemoryItem[] = [
    moments,
    { what: 'what they start from', arithmetic: '1 × parameters', bytes: parameters },
  ];
  const training: MemoryItem[] = [
    moments,
    { what: 'checkpoint', arithmetic: '64 MiB at once', bytes: PIECE_BYTES },
    ...(microBatch === undefined ? [] : [gradient]),
    ...(divergence === undefined ? [] : [tailMemory(shape, batch)]),
    ...(COPIES_ITS_STATE.some((name) => name === engine) ? [copies] : []),
  ];
  const ending: MemoryItem[] = [
    { what: 'stored dictionary', arithmetic: '2 × parameters', bytes: 2 * parameters },
    ...(engine === 'wasm' ? [moments] : []),
  ];
  const total = (items: readonly MemoryItem[]): number => items.reduce((sum, { bytes }) => sum + bytes, 0);
  const peak = [starting, training, ending].sort((a, b) => total(b) - total(a))[0]!;
  const items = [weights, ...peak, ...always];
  return { items, bytes: total(items) };
}

/** What of a plan decides about memory. */
export type MemoryPlan = Pick<TrainingPlan, 'shape' | 'batch' | 'microBatch' | 'moments' | 'divergence'>;

export function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(bytes < 2 ** 30 ? 3 : 2)} GiB`;
}

const OFFERED_BY: Readonly<Record<MemoryOffer['by'], string>> = {
  machine: 'this machine has free',
  cgroup: "this process's control group may take",
  given: '--memory allows',
};

/** @param given bytes that the caller allows; null for what the machine offers */
export function memoryFor(given: number | null): MemoryOffer {
  return given === null ? offeredMemory() : { bytes: given, by: 'given' };
}

/**
 * @param memory bytes that the caller allows; null for what the machine offers
 * @param engine null where it is not chosen yet
 * @throws WorkError when the plan would take more
 */
export function refuseOversized(plan: MemoryPlan, memory: number | null, engine: EngineName | null = null): void {
  refuseTooLarge(predictMemory(plan, engine), memoryFor(memory));
}

/** @throws WorkError with every term of the sum when the run would take more than there is */
export function refuseTooLarge({ items, bytes }: PredictedMemory, offer: MemoryOffer): void {
  if (bytes <= offer.bytes) return;
  const terms = items.map((item) => `${item.what} ${gibibytes(item.bytes)} (${item.arithmetic})`);
  throw new WorkError(
    `the run needs ${gibibytes(bytes)} of memory, and ${OFFERED_BY[offer.by]} ${gibibytes(offer.bytes)}: ${terms.join(' + ')}. Take fewer --d-sae features or a smaller --batch or --micro-batch, or --moments bfloat16, free memory, or set --memory if this figure is wrong for your machine`,
  );
}
