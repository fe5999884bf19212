import type { Metric } from '../protocol/results.ts';
import { decoderCosines } from '../sae/decoder-cosines.ts';
import type { Dictionary } from '../sae/dictionary.ts';

type Weights = Pick<Dictionary, 'parameters' | 'shape'>;

/** Figures of the weights alone (SAEBench, 2503.09532), [d_sae] each. */
export interface WeightFigures {
  /** ‖W_enc[:, j]‖ */
  readonly encoderNorm: Float64Array;
  /** ‖W_dec[j]‖ */
  readonly decoderNorm: Float64Array;
  /** cos(W_enc[:, j], W_dec[j]) */
  readonly encoderDecoderCosine: Float64Array;
}

export function weightFigures({ parameters: { encoder, decoder }, shape: { dIn, dSae } }: Weights): WeightFigures {
  const figures = {
    encoderNorm: new Float64Array(dSae),
    decoderNorm: new Float64Array(dSae),
    encoderDecoderCosine: new Float64Array(dSae),
  };
  for (let j = 0; j < dSae; j++) {
    let [encoderSquares, decoderSquares, product] = [0, 0, 0];
    for (let i = j * dIn; i < (j + 1) * dIn; i++) {
      encoderSquares += encoder[i]! ** 2;
      decoderSquares += decoder[i]! ** 2;
      product += encoder[i]! * decoder[i]!;
    }
    figures.encoderNorm[j] = Math.sqrt(encoderSquares);
    figures.decoderNorm[j] = Math.sqrt(decoderSquares);
    figures.encoderDecoderCosine[j] = product === 0 ? 0 : product / Math.sqrt(encoderSquares * decoderSquares);
  }
  return figures;
}

/** max over i ≠ j of cos(W_dec[j], W_dec[i]), signed: near 1 the dictionary holds the same direction twice. */
export function maximumDecoderCosine(dictionary: Weights, feature: number): number {
  return decoderCosines(dictionary, feature).reduce(
    (maximum, cosine, other) => (other === feature ? maximum : Math.max(maximum, cosine)),
    -1,
  );
}

/** Features whose nearest neighbour is sought: each costs d_sae · d_in multiplications. */
const NEIGHBOUR_SAMPLE = 128;

function mean(values: ArrayLike<number> & Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

function sampledMaximumCosine(dictionary: Weights): number {
  const { dSae } = dictionary.shape;
  const count = Math.min(dSae, NEIGHBOUR_SAMPLE);
  return mean(
    Array.from({ length: count }, (_, i) => maximumDecoderCosine(dictionary, Math.floor((i * dSae) / count))),
  );
}

/** Means over features. Nothing is sampled from text, so there are no intervals. */
export function metricsOfWeights(dictionary: Weights, baseline: Weights | null): Record<string, Metric> {
  const [figures, before] = [weightFigures(dictionary), baseline === null ? null : weightFigures(baseline)];
  const metric = (value: number, baselineValue: number | null, formula: string): Metric => ({
    ...{ value, baseline: baselineValue, difference: baselineValue === null ? null : value - baselineValue },
    ...{ low: null, high: null, formula: `${formula}; n = ${dictionary.shape.dSae} features` },
  });
  const meanOf = (name: keyof WeightFigures, formula: string): Metric =>
    metric(mean(figures[name]), before === null ? null : mean(before[name]), formula);
  return {
    encoder_norm: meanOf('encoderNorm', 'mean over features of ‖W_enc[:, j]‖'),
    encoder_decoder_cosine: meanOf('encoderDecoderCosine', 'mean over features of cos(W_enc[:, j], W_dec[j])'),
    maximum_decoder_cosine: metric(
      sampledMaximumCosine(dictionary),
      baseline === null ? null : sampledMaximumCosine(baseline),
      `mean of max over i ≠ j of cos(W_dec[j], W_dec[i]), over at most ${NEIGHBOUR_SAMPLE} features j at even distances`,
    ),
  };
}
