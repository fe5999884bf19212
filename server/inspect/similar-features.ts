import { decoderCosines } from '../sae/decoder-cosines.ts';
import type { Dictionary } from '../sae/dictionary.ts';

export interface SimilarFeature {
  readonly feature: number;
  /** Cosine of the two decoder rows. */
  readonly cosine: number;
  readonly label: string | null;
}

/** The features whose decoder rows point most nearly the same way, nearest first. */
export function similarFeatures(dictionary: Dictionary, feature: number, count: number): SimilarFeature[] {
  const cosines = decoderCosines(dictionary, feature);
  return [...cosines.keys()]
    .filter((other) => other !== feature)
    .sort((a, b) => cosines[b]! - cosines[a]! || a - b)
    .slice(0, count)
    .map((other) => ({ feature: other, cosine: cosines[other]!, label: dictionary.labels.get(other) ?? null }));
}
