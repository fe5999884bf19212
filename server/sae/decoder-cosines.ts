import type { Dictionary } from './dictionary.ts';

/**
 * Cosines of one feature's decoder row with every row, its own included. A row of zeros has no direction and cosine 0.
 * @returns [d_sae]
 */
export function decoderCosines(
  { parameters: { decoder }, shape: { dIn, dSae } }: Pick<Dictionary, 'parameters' | 'shape'>,
  feature: number,
): Float64Array {
  const own = decoder.subarray(feature * dIn, (feature + 1) * dIn);
  const ownNorm = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
  const cosines = new Float64Array(dSae);
  for (let other = 0; other < dSae; other++) {
    let [product, squares] = [0, 0];
    for (let i = 0; i < dIn; i++) {
      const value = decoder[other * dIn + i]!;
      product += value * own[i]!;
      squares += value * value;
    }
    cosines[other] = product === 0 ? 0 : product / (ownNorm * Math.sqrt(squares));
  }
  return cosines;
}
