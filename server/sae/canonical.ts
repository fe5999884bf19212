/** Exact rewritings of a dictionary's parameters. Matrices are feature-major: [d_sae, d_in]. */
import type { DictionaryParameters } from '../compute/engine.ts';

/** [rows, columns] → [columns, rows]; in tiles, because one side would otherwise miss the cache on every element. */
export function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const TILE = 32;
  const result = new Float32Array(matrix.length);
  for (let top = 0; top < rows; top += TILE)
    for (let left = 0; left < columns; left += TILE)
      for (let row = top; row < Math.min(top + TILE, rows); row++)
        for (let column = left; column < Math.min(left + TILE, columns); column++)
          result[column * rows + row] = matrix[row * columns + column]!;
  return result;
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

const scaled = (values: Float32Array, factor: number): Float32Array => values.map((value) => value * factor);

/**
 * SAELens' `rescale_acts_by_decoder_norm`: pre is multiplied by u_j = ‖W_dec[j]‖ and the activation divided by it again before
 * decoding. The same function with encoder rows times u and decoder rows of norm 1.
 */
export function foldDecoderNorms(parameters: DictionaryParameters): DictionaryParameters {
  const features = parameters.encoderBias.length;
  const width = parameters.decoderBias.length;
  const norms = rowNorms(parameters.decoder, features);
  const normOf = (at: number): number => norms[Math.floor(at / width)]!;
  return {
    encoder: parameters.encoder.map((value, at) => value * normOf(at)),
    encoderBias: parameters.encoderBias.map((value, feature) => value * norms[feature]!),
    decoder: parameters.decoder.map((value, at) => (normOf(at) === 0 ? 0 : value / normOf(at))),
    decoderBias: parameters.decoderBias,
  };
}

/** A dictionary of s·x as one of x, features in the units of s·x: SAELens' own fold. */
export function foldInputScale(parameters: DictionaryParameters, scale: number): DictionaryParameters {
  return {
    encoder: scaled(parameters.encoder, scale),
    encoderBias: parameters.encoderBias,
    decoder: scaled(parameters.decoder, 1 / scale),
    decoderBias: scaled(parameters.decoderBias, 1 / scale),
  };
}

/**
 * A dictionary of s·x as one of x, features in the units of x: relu and top-k commute with a positive factor, so only the biases
 * change and decoder rows keep their norms. With 1/s it is undone.
 */
export function foldHomogeneousScale(parameters: DictionaryParameters, scale: number): DictionaryParameters {
  return {
    encoder: parameters.encoder,
    encoderBias: scaled(parameters.encoderBias, 1 / scale),
    decoder: parameters.decoder,
    decoderBias: scaled(parameters.decoderBias, 1 / scale),
  };
}
