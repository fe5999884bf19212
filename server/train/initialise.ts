/** Where training starts: what a sample of the rows says, and new weights that fit it. */
import type { DictionaryParameters, Engine, EngineShape } from '../compute/engine.ts';
import { WorkError } from '../foundation/errors.ts';
import type { Random } from '../foundation/random.ts';
import type { Architecture } from '../protocol/architectures.ts';
import { familyOf } from '../sae/architectures/families.ts';
import { randomFor } from './batches.ts';
import { withTargetThreshold } from './first-threshold.ts';

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
function randomRows(rows: number, columns: number, norm: number, random: Random): Float32Array {
  const matrix = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const direction = Float64Array.from({ length: columns }, () => random.normal());
    const length = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0));
    direction.forEach((value, i) => (matrix[row * columns + i] = (norm * value) / length));
  }
  return matrix;
}

/** A sample of the rows, scaled as in training. */
export interface Sample {
  /** [rows, d_in] */
  readonly inputs: Float32Array;
  /** [rows, d_out]; of what is no transcoder, the inputs */
  readonly targets: Float32Array;
}

/** Energies of the sample's targets and of what the dictionary makes of it, around b_dec, and their product. */
async function energies(
  engine: Engine,
  shape: EngineShape,
  parameters: DictionaryParameters,
  { inputs, targets }: Sample,
): Promise<{ target: number; along: number; made: number }> {
  const { dOut } = shape;
  await using dictionary = await engine.dictionary(shape, parameters);
  const reconstruction = await dictionary.decode(await dictionary.encode(inputs));
  const sums = { target: 0, along: 0, made: 0 };
  reconstruction.forEach((value, at) => {
    const moved = value - parameters.decoderBias[at % dOut]!;
    const wanted = targets[at]! - parameters.decoderBias[at % dOut]!;
    sums.target += wanted * wanted;
    sums.along += moved * wanted;
    sums.made += moved * moved;
  });
  return sums;
}

/** Share of the targets' norm that a new transcoder's output has. */
const FIRST_OUTPUT = 0.1;

/** b_enc that subtracts a centre from the input: −W_enc c. */
function centringBias(encoder: Float32Array, centre: Float64Array, dSae: number): Float32Array {
  const { length } = centre;
  return Float32Array.from({ length: dSae }, (_, row) => {
    let sum = 0;
    for (let i = 0; i < length; i++) sum -= encoder[row * length + i]! * centre[i]!;
    return sum;
  });
}

/**
 * New weights: random decoder directions, b_dec the targets' geometric median (2406.04093, A.1), a skip of zeros.
 *
 * The encoder is the decoder's transpose times one factor, b_enc = 0: the factor multiplies x̂ − b_dec, so the one that reconstructs
 * the sample best is a least-squares quotient. A transcoder's encoder has directions of its own, b_enc takes the inputs' median away,
 * and its output starts small, for there is nothing yet that connects the two spaces.
 */
export async function initialParameters(
  engine: Engine,
  shape: EngineShape,
  architecture: Architecture,
  sample: Sample,
  seed: number,
): Promise<DictionaryParameters> {
  const { dIn, dOut, dSae } = shape;
  const random = randomFor(seed, 'weights');
  const decoder = randomRows(dSae, dOut, shape.unitNormDecoder ? 1 : FREE_DECODER_NORM, random);
  const transcodes = architecture.kind === 'transcoder';
  const directions = transcodes ? randomRows(dSae, dIn, FREE_DECODER_NORM, random) : decoder;
  const centre = transcodes ? geometricMedian(sample.inputs, dIn) : null;
  const withFactor = (factor: number): DictionaryParameters => {
    const encoder = directions.map((value) => value * factor);
    const encoderBias = centre === null ? new Float32Array(dSae) : centringBias(encoder, centre, dSae);
    return {
      ...{ encoder, encoderBias, decoder, decoderBias },
      ...familyOf(architecture).initial(architecture, dSae),
      ...(shape.skip ? { skip: new Float32Array(dOut * dIn) } : {}),
    };
  };
  const decoderBias = Float32Array.from(geometricMedian(sample.targets, dOut));
  const { target, along, made } = await energies(engine, shape, withFactor(1), sample);
  const best = transcodes ? FIRST_OUTPUT * Math.sqrt(target / made) : along / made;
  // Relu with small decoder rows starts small on its own and grows what it needs; a factor above 1 would only raise L0's price.
  const factor = made === 0 ? 1 : Math.max(Math.min(best, 1), 1e-3);
  return withTargetThreshold(engine, shape, architecture, withFactor(factor), sample.inputs);
}
