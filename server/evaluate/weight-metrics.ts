import type { Dictionary } from '../sae/dictionary.ts';

/** [d_sae] each */
export interface WeightMetrics {
  /** ‖W_enc[:, j]‖ */
  readonly encoderNorm: Float64Array;
  /** ‖W_dec[j]‖ */
  readonly decoderNorm: Float64Array;
  /** cos(W_enc[:, j], W_dec[j]) */
  readonly encoderDecoderCosine: Float64Array;
  /** max over i ≠ j of cos(W_dec[j], W_dec[i]), signed */
  readonly maximumDecoderCosine: Float64Array;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Figures of the weights alone (SAEBench, 2503.09532). The last one costs d_sae² · d_in / 2 multiplications. */
export function weightMetrics({ parameters, shape }: Pick<Dictionary, 'parameters' | 'shape'>): WeightMetrics {
  const { dIn, dSae } = shape;
  const row = (matrix: Float32Array, j: number): Float32Array => matrix.subarray(j * dIn, (j + 1) * dIn);
  const [encoderNorm, decoderNorm] = [new Float64Array(dSae), new Float64Array(dSae)];
  const encoderDecoderCosine = new Float64Array(dSae);
  const maximumDecoderCosine = new Float64Array(dSae).fill(dSae > 1 ? -1 : NaN);
  for (let j = 0; j < dSae; j++) {
    const [encoder, decoder] = [row(parameters.encoder, j), row(parameters.decoder, j)];
    encoderNorm[j] = Math.sqrt(dot(encoder, encoder));
    decoderNorm[j] = Math.sqrt(dot(decoder, decoder));
    encoderDecoderCosine[j] = dot(encoder, decoder) / (encoderNorm[j]! * decoderNorm[j]!);
    for (let i = 0; i < j; i++) {
      const cosine = dot(decoder, row(parameters.decoder, i)) / (decoderNorm[i]! * decoderNorm[j]!);
      maximumDecoderCosine[i] = Math.max(maximumDecoderCosine[i]!, cosine);
      maximumDecoderCosine[j] = Math.max(maximumDecoderCosine[j]!, cosine);
    }
  }
  return { encoderNorm, decoderNorm, encoderDecoderCosine, maximumDecoderCosine };
}
