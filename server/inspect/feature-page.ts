import type { JobControl } from '../foundation/progress.ts';
import type { FeatureResult } from '../protocol/feature-pages.ts';
import type { PassageSource } from './corpus-features.ts';
import { FIRST_OCTAVE } from './feature-index.ts';
import { featurePassages } from './feature-passages.ts';
import { openFeatureIndex } from './indexed-corpus.ts';
import { checkFeature } from './inspect-text.ts';
import { logitEffects } from './logit-effects.ts';
import { similarFeatures } from './similar-features.ts';
import type { InspectedDictionary } from './token-readings.ts';

const SIMILAR_FEATURES = 5;

export interface FeaturePageChoice {
  readonly feature: number;
  /** Passages shown at most. */
  readonly passages: number;
  /** Tokens shown of each end of the logit effects. */
  readonly logits: number;
}

/**
 * Everything known of a feature: the tokens it writes for, and where it fires in a corpus.
 * @param corpus null shows no passages, and the density that was counted for the dictionary, if it was
 * @param cacheFolder the home folder's cache, where the index of (dictionary, corpus) is kept
 */
export async function featurePage(
  inspected: InspectedDictionary,
  { feature, passages: count, logits }: FeaturePageChoice,
  corpus: PassageSource | null,
  cacheFolder: string,
  control: JobControl,
): Promise<FeatureResult> {
  const { dictionary, model } = inspected;
  checkFeature(feature, dictionary.shape.dSae, dictionary.name);
  const { top, bottom } = await logitEffects(model, dictionary, feature, logits);
  const page = {
    dictionary: dictionary.name,
    feature,
    label: dictionary.labels.get(feature) ?? null,
    topLogits: top,
    bottomLogits: bottom,
    similar: similarFeatures(dictionary, feature, SIMILAR_FEATURES),
  };
  if (corpus === null)
    return {
      ...page,
      density: dictionary.densities?.shares[feature] ?? null,
      tokens: dictionary.densities?.tokens ?? null,
      ...{ corpus: null, histogram: [], passages: [] },
    };
  await using index = await openFeatureIndex(cacheFolder, inspected, corpus, control);
  const indexed = await index.feature(feature);
  return {
    ...page,
    ...{ density: indexed.density, tokens: index.tokens, corpus: corpus.summary.name },
    histogram: octavesThatFire(indexed.histogram),
    passages: await featurePassages(inspected.model, indexed, count, corpus),
  };
}

/** From the first octave with a token to the last. */
function octavesThatFire(histogram: Uint32Array): FeatureResult['histogram'] {
  const octaves = [...histogram].map((count, octave) => ({ from: 2 ** (FIRST_OCTAVE + octave), count }));
  const fires = ({ count }: { count: number }): boolean => count > 0;
  return octaves.slice(Math.max(0, octaves.findIndex(fires)), octaves.findLastIndex(fires) + 1);
}
