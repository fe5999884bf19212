/** Exact rewritings of a dictionary's parameters. Matrices are feature-major: [d_sae, d_in]. */
import type { DictionaryParameters } from '../compute/engine.ts';

/** Where a block of a matrix begins in its array, and how far apart its rows are. */
interface Block {
  readonly values: Float32Array;
  readonly start: number;
  readonly stride: number;
}

/** A block [rows, columns] → [columns, rows]; in tiles, because one side would otherwise miss the cache on every element. */
function transposeBlock(from: Block, rows: number, columns: number, into: Block): void {
  const TILE = 32;
  const { values: given, start: first, stride: apart } = from;
  const { values: result, start, stride } = into;
  for (let top = 0; top < rows; top += TILE)
    for (let left = 0; left < columns; left += TILE)
      for (let row = top; row < Math.min(top + TILE, rows); row++)
        for (let column = left; column < Math.min(left + TILE, columns); column++)
          result[start + column * stride + row] = given[first + row * apart + column]!;
}

/** Rows [first, first + count) of the transpose of a matrix [rows, columns]: [count, rows]. */
export function transposedRows(
  matrix: Float32Array,
  rows: number,
  first: number,
  count: number,
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(count * rows);
  const from = { values: matrix, start: first, stride: matrix.length / rows };
  transposeBlock(from, rows, count, { values: result, start: 0, stride: rows });
  return result;
}

/** Puts rows [first, first + count) of a matrix [rows, columns] into its transpose. @param piece [count, columns] */
export function placeTransposed(piece: Float32Array, first: number, into: Float32Array, rows: number): void {
  const columns = into.length / rows;
  const from = { values: piece, start: 0, stride: columns };
  transposeBlock(from, piece.length / columns, columns, { values: into, start: first, stride: rows });
}

/** Euclidean norm of every row, [rows], float64. */
export function rowNorms(matrix: Float32Array, rows: number): Float64Array {
  const columns = matrix.length / rows;
  return Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let at = row * columns; at < (row + 1) * columns; at++) sum += matrix[at]! ** 2;
    return Math.sqrt(sum);
  });
}

const scaled = (values: Float32Array, factor: number): Float32Array =>
  factor === 1 ? values : values.map((value) => value * factor);

/**
 * SAELens' `rescale_acts_by_decoder_norm`: pre is multiplied by u_j = ‖W_dec[j]‖ and the activation divided by it again before
 * decoding. The same function with encoder rows times u and decoder rows of norm 1.
 */
export function foldDecoderNorms(parameters: DictionaryParameters): DictionaryParameters {
  const features = parameters.encoderBias.length;
  const inputs = parameters.encoder.length / features;
  const outputs = parameters.decoder.length / features;
  const norms = rowNorms(parameters.decoder, features);
  return {
    ...parameters,
    encoder: parameters.encoder.map((value, at) => value * norms[Math.floor(at / inputs)]!),
    encoderBias: parameters.encoderBias.map((value, feature) => value * norms[feature]!),
    decoder: parameters.decoder.map((value, at) => {
      const norm = norms[Math.floor(at / outputs)]!;
      return norm === 0 ? 0 : value / norm;
    }),
  };
}

/** What activations are multiplied by, as read and as reconstructed: the same number where both are one space. */
export interface ActivationScale {
  readonly input: number;
  readonly output: number;
}

/**
 * A dictionary of s·x as one of x, features in the units of s·x: SAELens' own fold. Thresholds and gates are in the features' units
 * and stay.
 */
export function foldInputScale(parameters: DictionaryParameters, scale: number): DictionaryParameters {
  return {
    ...parameters,
    encoder: scaled(parameters.encoder, scale),
    decoder: scaled(parameters.decoder, 1 / scale),
    decoderBias: scaled(parameters.decoderBias, 1 / scale),
  };
}

/**
 * A dictionary of s·x that reconstructs t·y, as one of x and y, features in the units of y: relu, selection, thresholds and gates
 * commute with a positive factor, so biases and thresholds are divided by t and decoder rows keep their norms; encoder and skip keep
 * their values where s = t. With 1/s and 1/t it is undone.
 */
export function foldHomogeneousScale(
  parameters: DictionaryParameters,
  { input, output }: ActivationScale,
): DictionaryParameters {
  const { encoder, encoderBias, decoder, decoderBias, threshold, magnitudeScale, magnitudeBias, skip } = parameters;
  const across = input === output ? 1 : input / output;
  return {
    ...{ encoder: scaled(encoder, across), encoderBias: scaled(encoderBias, 1 / output) },
    ...{ decoder, decoderBias: scaled(decoderBias, 1 / output) },
    ...(threshold === undefined ? {} : { threshold: scaled(threshold, 1 / output) }),
    ...(magnitudeScale === undefined ? {} : { magnitudeScale }),
    ...(magnitudeBias === undefined ? {} : { magnitudeBias: scaled(magnitudeBias, 1 / output) }),
    ...(skip === undefined ? {} : { skip: scaled(skip, across) }),
  };
}
