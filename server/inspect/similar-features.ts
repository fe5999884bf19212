import type { Dictionary } from '../sae/dictionary.ts';

export interface SimilarFeature {
  readonly feature: number;
  /** Cosine of the two decoder rows. */
  readonly cosine: number;
  readonly label: string | null;
}

/** The features whose decoder rows point most nearly the same way, nearest first. A row of zeros has no direction and cosine 0. */
export function similarFeatures(
  { parameters: { decoder }, shape: { dIn, dSae }, labels }: Dictionary,
  feature: number,
  count: number,
): SimilarFeature[] {
  const cosines = new Float64Array(dSae);
  const own = decoder.subarray(feature * dIn, (feature + 1) * dIn);
  const ownNorm = Math.hypot(...own);
  for (let other = 0; other < dSae; other++) {
    let [product, squares] = [0, 0];
    for (let i = 0; i < dIn; i++) {
      const value = decoder[other * dIn + i]!;
      product += value * own[i]!;
      squares += value * value;
    }
    cosines[other] = product === 0 ? 0 : product / (ownNorm * Math.sqrt(squares));
  }
  return [...cosines.keys()]
    .filter((other) => other !== feature)
    .sort((a, b) => cosines[b]! - cosines[a]! || a - b)
    .slice(0, count)
    .map((other) => ({ feature: other, cosine: cosines[other]!, label: labels.get(other) ?? null }));
}
