/** Where training starts: what a sample of the rows says, and new weights that fit it. */
import type { DictionaryParameters, Engine, EngineShape } from '../compute/engine.ts';
import { WorkError } from '../foundation/errors.ts';
import { randomFor } from './batches.ts';

/** Rows that scale, centre and first weights are estimated from. */
export const SAMPLE_ROWS = 4096;
const MEDIAN_ITERATIONS = 30;
/** SAELens' `decoder_init_norm`, where nothing keeps decoder rows at norm 1. */
const FREE_DECODER_NORM = 0.1;

/**
 * The one number activations are multiplied by in training, √d_in / mean‖x‖, so that learning rates and sparsity coefficients mean the
 * same at every hook point (SAELens' `expected_average_only_in`).
 * @param sample [rows, d_in]
 * @throws WorkError when all rows are equal: there is nothing to learn
 */
export function activationScale(sample: Float32Array, dIn: number): number {
  const rows = sample.length / dIn;
  let norms = 0;
  let differs = false;
  for (let row = 0; row < rows; row++) {
    let square = 0;
    for (let i = 0; i < dIn; i++) {
      const value = sample[row * dIn + i]!;
      square += value * value;
      differs ||= value !== sample[i];
    }
    norms += Math.sqrt(square);
  }
  if (!differs)
    throw new WorkError(
      `all of the ${rows} activation rows that were looked at are equal: their variance is zero and there is nothing to learn; check the hook point and the text`,
    );
  return (Math.sqrt(dIn) * rows) / norms;
}

/** The point with the least sum of distances to the rows (Weiszfeld's iteration), [d_in]; the mean's robust sibling. */
export function geometricMedian(sample: Float32Array, dIn: number): Float64Array {
  const rows = sample.length / dIn;
  let centre = weightedMean(sample, dIn, new Float64Array(rows).fill(1));
  for (let iteration = 0; iteration < MEDIAN_ITERATIONS; iteration++) {
    const weights = Float64Array.from({ length: rows }, (_, row) => {
      let square = 0;
      for (let i = 0; i < dIn; i++) square += (sample[row * dIn + i]! - centre[i]!) ** 2;
      return 1 / Math.max(Math.sqrt(square), 1e-12);
    });
    centre = weightedMean(sample, dIn, weights);
  }
  return centre;
}

function weightedMean(sample: Float32Array, dIn: number, weights: Float64Array): Float64Array {
  const sum = new Float64Array(dIn);
  let total = 0;
  weights.forEach((weight, row) => {
    total += weight;
    for (let i = 0; i < dIn; i++) sum[i]! += weight * sample[row * dIn + i]!;
  });
  return sum.map((value) => value / total);
}

/** [rows, columns] of random directions with the given norm. */
function randomRows(rows: number, columns: number, norm: number, seed: number): Float32Array {
  const random = randomFor(seed, 'weights');
  const matrix = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const direction = Float64Array.from({ length: columns }, () => random.normal());
    const length = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0));
    direction.forEach((value, i) => (matrix[row * columns + i] = (norm * value) / length));
  }
  return matrix;
}

/**
 * New weights: random decoder directions, the encoder their transpose times one factor, b_enc = 0, b_dec the geometric median
 * (2406.04093, A.1). With b_enc = 0 the factor multiplies x̂ − b_dec, so the one that reconstructs the sample best is a
 * least-squares quotient.
 * @param sample [rows, d_in], scaled as in training
 */
export async function initialParameters(
  engine: Engine,
  shape: EngineShape,
  sample: Float32Array,
  seed: number,
): Promise<DictionaryParameters> {
  const { dIn, dSae } = shape;
  const decoder = randomRows(dSae, dIn, shape.unitNormDecoder ? 1 : FREE_DECODER_NORM, seed);
  const decoderBias = Float32Array.from(geometricMedian(sample, dIn));
  const parameters = { encoder: decoder.slice(), encoderBias: new Float32Array(dSae), decoder, decoderBias };
  await using dictionary = await engine.dictionary(shape, parameters);
  const reconstruction = await dictionary.decode(await dictionary.encode(sample));
  let along = 0;
  let square = 0;
  reconstruction.forEach((value, at) => {
    const moved = value - decoderBias[at % dIn]!;
    along += moved * (sample[at]! - decoderBias[at % dIn]!);
    square += moved * moved;
  });
  // Relu with small decoder rows starts small on its own and grows what it needs; a factor above 1 would only raise L0's price.
  const factor = square === 0 ? 1 : Math.max(Math.min(along / square, 1), 1e-3);
  return { ...parameters, encoder: decoder.map((value) => value * factor) };
}
