import { parameterLengths, type ParameterName } from '../engine.ts';
import type { DictionaryState } from './dictionary-state.ts';
import { elementGroups, squareRows, type LevelRange } from './forward.ts';
import {
  biasGradientOf,
  chunksOf,
  projectRows,
  recordRows,
  skipGradientOf,
  sumsOf,
  VECTOR_SLOTS,
  type ChunkGradient,
  type Descent,
} from './gradient.ts';
import { ADAM_VECTOR, adamRowsKernel, type Rates } from './kernels/adam.ts';
import { CLIP } from './kernels/gradient.ts';
import { rowSquaresKernel } from './kernels/reconstruct.ts';

/** What the update keeps of each feature. */
export interface Movement {
  /** [d_sae] whether any moment of the feature is non-zero */
  readonly moving: GPUBuffer;
  /** [d_sae] whether it trains */
  readonly trained: GPUBuffer;
  /** What scales the gradient, ‖g‖, the auxiliary loss. */
  readonly control: GPUBuffer;
}

/** Records ‖g‖ and the clip into the control. */
export function recordClip(state: DictionaryState, descent: Descent, { control }: Movement, limit: number): void {
  const { memory, recorder, shape } = state;
  const { dIn, dOut, dSae } = shape;
  const { touched } = descent;
  const squares = memory.room('squares of the features', dSae);
  for (const chunk of chunksOf(state, descent.batch.widths)) {
    const gradient = recordRows(state, descent, chunk);
    if (shape.unitNormDecoder) projectRows(state, descent, chunk, gradient.decoder);
    const rows = chunk.end - chunk.first;
    const square = (matrix: GPUBuffer, width: number, adds: number): void => {
      recorder.dispatch(
        rowSquaresKernel('touched'),
        { matrix, touched, squares },
        { rows, first: chunk.first, width, adds },
        rows,
      );
    };
    square(gradient.encoder, dIn, 0);
    square(gradient.decoder, dOut, 1);
  }
  const skipSquares = memory.room('squares of the skip', dOut);
  if (shape.skip) squareRows(state, skipGradientOf(state), skipSquares, dOut, dIn, false);
  const vectors = { jumprelu: 2, gated: 3, relu: 1, topk: 1, batchtopk: 1, matryoshka: 1 }[shape.architecture.kind];
  recorder.dispatch(
    CLIP,
    { touched, squares, sums: sumsOf(state), biasGradient: biasGradientOf(state), skipSquares, control },
    { features: dSae, vectors, width: dOut, skipRows: shape.skip ? dOut : 0, limit },
    1,
  );
}

function updateRows(
  { parameters, recorder, shape }: DictionaryState,
  { touched }: Descent,
  { moving, control }: Movement,
  chunk: LevelRange,
  gradient: ChunkGradient,
  rates: Rates,
): void {
  const count = chunk.end - chunk.first;
  const update = (name: 'encoder' | 'decoder', kernel: ReturnType<typeof adamRowsKernel>, width: number): void => {
    recorder.dispatch(
      kernel,
      {
        ...{ touched, control, moving, gradient: gradient[name] },
        parameters: parameters.rows('values', name, chunk.tile),
        first: parameters.rows('first', name, chunk.tile),
        second: parameters.rows('second', name, chunk.tile),
      },
      { firstFeature: chunk.first, count, tileFirst: chunk.tile.first, width, ...rates },
      count,
    );
  };
  update('encoder', adamRowsKernel('rows'), shape.dIn);
  update('decoder', adamRowsKernel(shape.unitNormDecoder ? 'rows of unit norm' : 'rows'), shape.dOut);
}

/** Where in the order of a feature's arrays one stands: `order` of `ADAM_VECTOR`. */
function orderOf(name: ParameterName): 0 | 1 | 2 {
  if (name === 'decoderBias' || name === 'skip') return 0;
  return name === 'encoderBias' ? 1 : 2;
}

function updateVectors(state: DictionaryState, descent: Descent, movement: Movement, rates: Rates): void {
  const { parameters, recorder, shape } = state;
  for (const [name, count] of parameterLengths(shape)) {
    if (name === 'encoder' || name === 'decoder') continue;
    const order = orderOf(name);
    if (order === 0 && descent.isPartial) continue;
    const gradient =
      name === 'decoderBias' ? biasGradientOf(state) : name === 'skip' ? skipGradientOf(state) : sumsOf(state);
    const offset = name === 'decoderBias' || name === 'skip' ? 0 : VECTOR_SLOTS[name] * shape.dSae;
    recorder.dispatch(
      ADAM_VECTOR,
      {
        ...{ ...movement, gradient, parameters: parameters.vector('values', name) },
        first: parameters.vector('first', name),
        second: parameters.vector('second', name),
      },
      { count, offset, order, ...rates },
      elementGroups(count),
    );
  }
}

/** Records Adam over everything that trains. */
export function recordUpdate(state: DictionaryState, descent: Descent, movement: Movement, rates: Rates): void {
  updateVectors(state, descent, movement, rates);
  for (const chunk of chunksOf(state, descent.batch.widths)) {
    const gradient = recordRows(state, descent, chunk);
    if (state.shape.unitNormDecoder) projectRows(state, descent, chunk, gradient.decoder);
    updateRows(state, descent, movement, chunk, gradient, rates);
  }
}
