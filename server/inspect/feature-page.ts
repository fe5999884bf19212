import type { JobControl } from '../foundation/progress.ts';
import type { FeatureResult } from '../protocol/feature-pages.ts';
import { openFeatureIndex, type PassageSource } from './indexed-corpus.ts';
import { FIRST_OCTAVE, type TopPassage } from './feature-index.ts';
import { checkFeature } from './inspect-text.ts';
import { logitEffects } from './logit-effects.ts';
import { similarFeatures } from './similar-features.ts';
import { featuresOfTexts } from './text-features.ts';
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
 * Everything known of a feature: the tokens it writes for, and where it fires most in a corpus.
 * @param corpus null shows no passages and no density
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
  if (corpus === null) return { ...page, density: null, tokens: null, corpus: null, histogram: [], passages: [] };
  await using index = await openFeatureIndex(cacheFolder, inspected, corpus, control);
  const { density, histogram, top: strongest } = await index.feature(feature);
  return {
    ...page,
    ...{ density, tokens: index.tokens, corpus: corpus.summary.name },
    histogram: [...histogram].map((count, octave) => ({ from: 2 ** (FIRST_OCTAVE + octave), count })),
    passages: await shownPassages(inspected, feature, strongest.slice(0, count), corpus, control),
  };
}

/** Activations are computed again rather than stored: a page shows a few passages, an index has d_sae times as many. */
async function shownPassages(
  inspected: InspectedDictionary,
  feature: number,
  strongest: readonly TopPassage[],
  corpus: PassageSource,
  control: JobControl,
): Promise<FeatureResult['passages']> {
  if (strongest.length === 0) return [];
  const passages = await corpus.byIds(strongest.map(({ id }) => id));
  const encodings = passages.map(({ text }) => inspected.model.encode(text));
  const { starts, features } = await featuresOfTexts(encodings, inspected, control.signal);
  const activationAt = (row: number): number => {
    const [begin, end] = [features.offsets[row]!, features.offsets[row + 1]!];
    const place = features.features.subarray(begin, end).indexOf(feature);
    return place < 0 ? 0 : features.values[begin + place]!;
  };
  return passages.map(({ id, text, provenance }, i) => {
    const { starts: from, ends, special } = encodings[i]!;
    const tokens = [...special.keys()]
      .filter((token) => special[token] !== 1)
      .map((token) => ({ text: text.slice(from[token], ends[token]), activation: activationAt(starts[i]! + token) }));
    const { maximum } = strongest[i]!;
    return { id, source: provenance.source, maximum, share: maximum / strongest[0]!.maximum, tokens };
  });
}
