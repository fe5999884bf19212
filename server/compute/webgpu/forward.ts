import type { ForwardSettings } from '../engine.ts';
import type { DictionaryState } from './dictionary-state.ts';
import { CENTRE, productKernel, TILE } from './kernels/encode.ts';
import { activateKernel, ADD, BEGIN_RESIDUALS, RECONSTRUCT, rowSquaresKernel } from './kernels/reconstruct.ts';
import type { Tile } from './parameters.ts';
import type { FeatureRange, Rows } from './rows.ts';

/** A batch on the GPU and what its forward pass left there. */
export interface Batch {
  readonly tokens: number;
  /** [tokens, d_in] x, and z = x − b_dec once it is centred */
  readonly z: GPUBuffer;
  /** [tokens, d_out], or null: the batch itself */
  readonly targets: GPUBuffer | null;
  /** Matryoshka's prefixes; of other dictionaries d_sae alone. */
  readonly widths: readonly number[];
  readonly sparsityCoefficient: number;
}

/** Neighbouring features of one tile that take part in one level. */
export interface LevelRange extends FeatureRange {
  readonly tile: Tile;
  readonly level: number;
}

/** Cuts the features by tiles and by the prefixes' levels. */
export function levelRanges(tiles: readonly Tile[], widths: readonly number[]): LevelRange[] {
  return widths.flatMap((width, level) => {
    const from = level === 0 ? 0 : widths[level - 1]!;
    return tiles
      .map((tile) => ({
        ...{ tile, level },
        first: Math.max(from, tile.first),
        end: Math.min(width, tile.first + tile.count),
      }))
      .filter(({ first, end }) => first < end);
  });
}

/** [tokens, d_out] of a level: Σ over levels m ≥ l of x̂⁽ᵐ⁾ − y when the forward pass is done. */
export function residualsOf({ memory, shape }: DictionaryState, tokens: number, level: number): GPUBuffer {
  return memory.room(`residuals of level ${level}`, tokens * shape.dOut);
}

/** [tokens, d_out] of a gated dictionary: relu(π + b_gate) W_dec + b_dec − y. */
export function gateResidualsOf({ memory, shape }: DictionaryState, tokens: number): GPUBuffer {
  return memory.room('residuals of the gate', tokens * shape.dOut);
}

/** [room] what multiplies W_dec. */
export function decodedOf({ memory }: DictionaryState, room: number): GPUBuffer {
  return memory.room('decoded values', room);
}

export const elementGroups = (count: number): number => Math.ceil(count / 64);

/** Uploads a batch. Submits nothing. */
export function uploadBatch(state: DictionaryState, tokens: Float32Array, settings: ForwardSettings): Batch {
  const { memory, recorder, shape } = state;
  const count = tokens.length / shape.dIn;
  const { targets = null, widths = [], sparsityCoefficient } = settings;
  const z = memory.room('tokens', tokens.length);
  recorder.write(z, tokens);
  let y: GPUBuffer | null = null;
  if (targets !== null) {
    y = memory.room('targets', targets.length);
    recorder.write(y, targets);
  }
  return { tokens: count, z, targets: y, sparsityCoefficient, widths: widths.length > 0 ? widths : [shape.dSae] };
}

/** x ← x − b_dec where the shape wants that. */
export function centre(
  { parameters, recorder, shape }: DictionaryState,
  { tokens, z }: Pick<Batch, 'tokens' | 'z'>,
): void {
  if (!shape.applyDecoderBiasToInput) return;
  const count = tokens * shape.dIn;
  const decoderBias = parameters.vector('values', 'decoderBias');
  recorder.dispatch(CENTRE, { tokens: z, decoderBias }, { count, width: shape.dIn }, elementGroups(count));
}

/** b_dec − y [+ x W_skip] into `residuals`. */
function beginResiduals(state: DictionaryState, batch: Batch, residuals: GPUBuffer): void {
  const { memory, parameters, recorder, facts, shape } = state;
  const { dIn, dOut } = shape;
  if (shape.skip)
    recorder.dispatch(
      productKernel('skip'),
      {
        tokens: batch.z,
        weights: parameters.vector('values', 'skip'),
        bias: parameters.vector('values', 'encoderBias'),
        facts,
        list: memory.room('no list', 1),
        products: residuals,
      },
      {
        ...{ firstToken: 0, rows: batch.tokens, first: 0, count: dOut },
        ...{ tileRows: dOut, depth: dIn, stride: dOut },
      },
      [Math.ceil(dOut / TILE), Math.ceil(batch.tokens / TILE)],
    );
  const count = batch.tokens * dOut;
  recorder.dispatch(
    BEGIN_RESIDUALS,
    {
      decoderBias: parameters.vector('values', 'decoderBias'),
      targets: batch.targets ?? batch.z,
      residuals,
    },
    {
      ...{ count, width: dOut, adds: shape.skip ? 1 : 0 },
      origin: batch.targets === null && shape.applyDecoderBiasToInput ? 1 : 0,
    },
    elementGroups(count),
  );
}

/** residuals += values · W_dec over some features. */
export function reconstruct(
  { parameters, recorder, shape }: DictionaryState,
  rows: Rows,
  values: GPUBuffer,
  tokens: number,
  { tile, first, end }: FeatureRange & { readonly tile: Tile },
  residuals: GPUBuffer,
): void {
  recorder.dispatch(
    RECONSTRUCT,
    {
      ...{ starts: rows.starts, features: rows.features, values, residuals },
      decoder: parameters.rows('values', 'decoder', tile),
    },
    { tokens, first, end, tileFirst: tile.first, width: shape.dOut },
    tokens,
  );
}

export const wholeTile = (tile: Tile): FeatureRange & { readonly tile: Tile } => ({
  ...{ tile, first: tile.first },
  end: tile.first + tile.count,
});

/** squares[token] = or += ‖row of the token‖². */
export function squareRows(
  { memory, recorder }: DictionaryState,
  matrix: GPUBuffer,
  squares: GPUBuffer,
  rows: number,
  width: number,
  adds: boolean,
): void {
  const touched = memory.room('no list', 1);
  recorder.dispatch(
    rowSquaresKernel('all'),
    { matrix, touched, squares },
    { rows, first: 0, width, adds: adds ? 1 : 0 },
    rows,
  );
}

export interface Losses {
  /** [tokens] Σ over levels of ‖x̂⁽ᵐ⁾ − y‖² */
  readonly reconstruction: GPUBuffer;
  /** [tokens] of (λ · penalty, active features) */
  readonly penalties: GPUBuffer;
}

/** Records rows → decoded values, residuals of every level and losses. @param room entries that the rows may have */
export function finishForward(state: DictionaryState, batch: Batch, rows: Rows, room: number): Losses {
  const { memory, recorder, facts, formulas, shape } = state;
  const { architecture, dOut } = shape;
  const { tokens, widths } = batch;
  const decodedValues = decodedOf(state, room);
  const losses = {
    reconstruction: memory.room('reconstruction losses', tokens),
    penalties: memory.room('penalties', 2 * tokens),
  };
  const isTanh = architecture.kind === 'jumprelu' && architecture.penalty.kind === 'tanh';
  recorder.dispatch(
    activateKernel(formulas),
    { ...rows, facts, decodedValues, penalties: losses.penalties },
    { tokens, coefficient: batch.sparsityCoefficient, scale: isTanh ? architecture.penalty.scale : 0 },
    tokens,
  );
  const bytes = tokens * dOut * 4;
  const level = (index: number): GPUBuffer => residualsOf(state, tokens, index);
  beginResiduals(state, batch, level(0));
  if (architecture.kind === 'gated') {
    recorder.copy(level(0), gateResidualsOf(state, tokens), bytes);
    for (const tile of state.parameters.tiles)
      reconstruct(state, rows, rows.values, tokens, wholeTile(tile), gateResidualsOf(state, tokens));
  }
  const ranges = levelRanges(state.parameters.tiles, widths);
  for (const index of widths.keys()) {
    if (index > 0) recorder.copy(level(index - 1), level(index), bytes);
    for (const range of ranges)
      if (range.level === index) reconstruct(state, rows, decodedValues, tokens, range, level(index));
    squareRows(state, level(index), losses.reconstruction, tokens, dOut, index > 0);
  }
  for (let index = widths.length - 1; index-- > 0;)
    recorder.dispatch(
      ADD,
      { added: level(index + 1), sum: level(index) },
      { count: tokens * dOut },
      elementGroups(tokens * dOut),
    );
  return losses;
}
