import type { DictionaryParameters, EngineShape } from '../engine.ts';
import { auxiliaryResidualsOf, type Source } from './auxiliary.ts';
import type { DictionaryState } from './dictionary-state.ts';
import { elementGroups, gateResidualsOf, levelRanges, residualsOf, type Batch, type LevelRange } from './forward.ts';
import {
  ADD_ALONG,
  addRowsKernel,
  PARTS,
  PROJECT,
  residualPartsKernel,
  SHIFT_PARTS,
  SKIP_GRADIENT,
  SLOTS,
  SUM_PARTS,
  sumsKernel,
} from './kernels/gradient.ts';

/** Bytes of the gradient of some features' W_dec rows that is held at once; W_enc's is of the same order. */
const CHUNK_BYTES = 32 * 2 ** 20;

/** Everything that gradients are made of. */
export interface Descent {
  readonly batch: Batch;
  readonly source: Source;
  /** By entry what the selection saw. */
  readonly values: GPUBuffer;
  /** By entry: ∂b_enc, ∂θ or ∂r, ∂b_mag, the pull along W_dec[j]. */
  readonly extras: GPUBuffer;
  readonly auxiliary: Source | null;
  /** [d_sae] */
  readonly touched: GPUBuffer;
  readonly isPartial: boolean;
}

/** [5, d_sae] as `SLOTS` */
export function sumsOf({ memory, shape }: DictionaryState): GPUBuffer {
  return memory.room('sums of the features', 5 * shape.dSae);
}

/** [d_out] ∂b_dec */
export function biasGradientOf({ memory, shape }: DictionaryState): GPUBuffer {
  return memory.room('gradient of the decoder bias', shape.dOut);
}

/** [d_out, d_in] */
export function skipGradientOf({ memory, shape }: DictionaryState): GPUBuffer {
  return memory.room('gradient of the skip', shape.skip ? shape.dOut * shape.dIn : 1);
}

/** Features whose rows' gradients are made together. */
export function chunksOf({ parameters, shape }: DictionaryState, widths: readonly number[]): LevelRange[] {
  const most = Math.max(1, Math.floor(CHUNK_BYTES / (4 * Math.max(shape.dIn, shape.dOut))));
  return levelRanges(parameters.tiles, widths).flatMap((range) =>
    Array.from({ length: Math.ceil((range.end - range.first) / most) }, (_, index) => {
      const first = range.first + index * most;
      return { ...range, first, end: Math.min(range.end, first + most) };
    }),
  );
}

export interface ChunkGradient {
  readonly encoder: GPUBuffer;
  readonly decoder: GPUBuffer;
}

/** Records the gradients of a chunk's rows of W_enc and W_dec; rows of untouched features are left as they are. */
export function recordRows(state: DictionaryState, descent: Descent, chunk: LevelRange): ChunkGradient {
  const { memory, recorder, parameters, formulas, shape } = state;
  const { batch, source, auxiliary, touched } = descent;
  const { dIn, dOut } = shape;
  const count = chunk.end - chunk.first;
  const encoder = memory.room('gradient of encoder rows', count * dIn);
  const decoder = memory.room('gradient of decoder rows', count * dOut);
  const add = (
    { lists, weights }: Source,
    coefficients: GPUBuffer,
    { rows, width, gradient }: { rows: GPUBuffer; width: number; gradient: GPUBuffer },
    { isWeighted, adds, factor = 1 }: { isWeighted: boolean; adds: boolean; factor?: number },
  ): void => {
    recorder.dispatch(
      addRowsKernel(isWeighted),
      { ...lists, touched, coefficients, weights, rows, gradient },
      { first: chunk.first, count, width, factor, adds: adds ? 1 : 0 },
      count,
    );
  };
  const toEncoder = { rows: batch.z, width: dIn, gradient: encoder };
  const toDecoder = { width: dOut, gradient: decoder };
  const residuals = residualsOf(state, batch.tokens, chunk.level);
  add(source, source.deltas, toEncoder, { isWeighted: false, adds: false });
  add(source, source.decodedValues, { rows: residuals, ...toDecoder }, { isWeighted: true, adds: false });
  if (trainsByGate(shape))
    add(
      source,
      descent.values,
      { rows: gateResidualsOf(state, batch.tokens), ...toDecoder },
      { isWeighted: false, adds: true, factor: 2 / batch.tokens },
    );
  if (auxiliary !== null) {
    add(auxiliary, auxiliary.deltas, toEncoder, { isWeighted: false, adds: true });
    const rows = auxiliaryResidualsOf(state, batch.tokens);
    add(auxiliary, auxiliary.decodedValues, { rows, ...toDecoder }, { isWeighted: true, adds: true });
  }
  if (formulas.hasExtras && formulas.usesNorms)
    recorder.dispatch(
      ADD_ALONG,
      { touched, sums: sumsOf(state), decoder: parameters.rows('values', 'decoder', chunk.tile), gradient: decoder },
      { first: chunk.first, count, tileFirst: chunk.tile.first, width: dOut, features: shape.dSae },
      count,
    );
  return { encoder, decoder };
}

/** Records the projection of a chunk's decoder gradient that keeps rows at norm 1. */
export function projectRows(
  state: DictionaryState,
  { touched }: Descent,
  chunk: LevelRange,
  gradient: GPUBuffer,
): void {
  const count = chunk.end - chunk.first;
  const decoder = state.parameters.rows('values', 'decoder', chunk.tile);
  state.recorder.dispatch(
    PROJECT,
    { touched, decoder, gradient },
    { first: chunk.first, count, tileFirst: chunk.tile.first, width: state.shape.dOut },
    count,
  );
}

/** Records the sums over each feature's entries. */
export function recordSums(state: DictionaryState, { source, extras, auxiliary, touched }: Descent): void {
  const { recorder, formulas, shape } = state;
  const features = shape.dSae;
  const sums = sumsOf(state);
  recorder.dispatch(
    sumsKernel(formulas.hasExtras),
    { ...source.lists, touched, deltas: source.deltas, extras, sums },
    { features, adds: 0 },
    features,
  );
  if (auxiliary === null) return;
  recorder.dispatch(
    sumsKernel(false),
    { ...auxiliary.lists, touched, deltas: auxiliary.deltas, extras, sums },
    { features, adds: 1 },
    features,
  );
}

/** Records ∂b_dec and ∂W_skip, which are 0 where only some features train. After `recordSums`. */
export function recordShared(state: DictionaryState, descent: Descent): void {
  if (!descent.isPartial) {
    recordBias(state, descent);
    recordSkip(state, descent);
    return;
  }
  state.recorder.clear(biasGradientOf(state));
  state.recorder.clear(skipGradientOf(state));
}

/** SAELens' gated dictionaries train what the paper holds constant in the gate's own loss. */
function trainsByGate({ architecture }: EngineShape): boolean {
  return architecture.kind === 'gated' && architecture.variant === 'saelens';
}

function recordBias(state: DictionaryState, { batch, source }: Descent): void {
  const { memory, recorder, parameters, shape } = state;
  const { dIn, dOut } = shape;
  const { weights } = source;
  const biasGradient = biasGradientOf(state);
  const blocks = Math.ceil(dOut / 64);
  const parts = memory.room('parts of the decoder bias', PARTS * dOut);
  const residuals = residualsOf(state, batch.tokens, 0);
  const sizes = { tokens: batch.tokens, width: dOut, blocks };
  recorder.dispatch(
    residualPartsKernel(true),
    { weights, residuals, parts },
    { ...sizes, factor: 1, adds: 0 },
    PARTS * blocks,
  );
  if (trainsByGate(shape))
    recorder.dispatch(
      residualPartsKernel(false),
      { weights, residuals: gateResidualsOf(state, batch.tokens), parts },
      { ...sizes, factor: 2 / batch.tokens, adds: 1 },
      PARTS * blocks,
    );
  if (shape.applyDecoderBiasToInput)
    for (const tile of parameters.tiles)
      recorder.dispatch(
        SHIFT_PARTS,
        { sums: sumsOf(state), encoder: parameters.rows('values', 'encoder', tile), parts },
        { first: tile.first, count: tile.count, width: dIn, blocks },
        PARTS * blocks,
      );
  recorder.dispatch(SUM_PARTS, { parts, biasGradient }, { width: dOut }, elementGroups(dOut));
}

function recordSkip(state: DictionaryState, { batch, source: { weights } }: Descent): void {
  const { recorder, shape } = state;
  const { dIn, dOut } = shape;
  if (!shape.skip) return;
  recorder.dispatch(
    SKIP_GRADIENT,
    { weights, residuals: residualsOf(state, batch.tokens, 0), tokens: batch.z, gradient: skipGradientOf(state) },
    { count: batch.tokens, dIn, dOut },
    [Math.ceil(dIn / 16), Math.ceil(dOut / 16)],
  );
}

/** The slots of `sums` that are gradients of parameters. */
export const VECTOR_SLOTS = {
  encoderBias: SLOTS.encoderBias,
  threshold: SLOTS.first,
  magnitudeScale: SLOTS.first,
  magnitudeBias: SLOTS.second,
} as const;

/** Submits, and reads the whole gradient. */
export async function readGradient(
  state: DictionaryState,
  descent: Descent,
  arrays: DictionaryParameters,
): Promise<DictionaryParameters> {
  const { recorder, shape } = state;
  const { dIn, dOut, dSae } = shape;
  for (const chunk of chunksOf(state, descent.batch.widths)) {
    const count = chunk.end - chunk.first;
    recorder.clear(state.memory.room('gradient of encoder rows', count * dIn));
    recorder.clear(state.memory.room('gradient of decoder rows', count * dOut));
    const gradient = recordRows(state, descent, chunk);
    const [encoder, decoder] = await recorder.read(
      [gradient.encoder, count * dIn * 4],
      [gradient.decoder, count * dOut * 4],
    );
    arrays.encoder.set(new Float32Array(encoder!), chunk.first * dIn);
    arrays.decoder.set(new Float32Array(decoder!), chunk.first * dOut);
  }
  for (const [name, slot] of Object.entries(VECTOR_SLOTS)) {
    const into = arrays[name as keyof typeof VECTOR_SLOTS];
    if (into === undefined) continue;
    const [data] = await recorder.read([sumsOf(state), dSae * 4, slot * dSae * 4]);
    into.set(new Float32Array(data!));
  }
  const skipBytes = arrays.skip === undefined ? 0 : arrays.skip.byteLength;
  const [bias, skip] = await recorder.read([biasGradientOf(state), dOut * 4], [skipGradientOf(state), skipBytes]);
  arrays.decoderBias.set(new Float32Array(bias!));
  arrays.skip?.set(new Float32Array(skip!));
  return arrays;
}
