import type { JobControl } from '../foundation/progress.ts';
import { densitiesOf } from '../sae/densities.ts';
import type { FeatureDensities } from '../sae/dictionary.ts';
import { featuresOfCorpus, type PassageSource } from './corpus-features.ts';
import { FeatureSums } from './text-sums.ts';
import type { InspectedDictionary } from './token-readings.ts';

/** How often each feature fires on a corpus, over at most about `tokens` of its tokens; special ones (BOS) do not count. */
export async function countDensities(
  inspected: InspectedDictionary,
  corpus: PassageSource,
  tokens: number,
  control: JobControl,
): Promise<FeatureDensities> {
  const sums = new FeatureSums(inspected.dictionary.shape.dSae);
  const total = Math.min(tokens, corpus.summary.tokens);
  for await (const { passages, features } of featuresOfCorpus(inspected, corpus, tokens, control)) {
    sums.add(features, Uint8Array.from(passages.flatMap(({ encoding }) => [...encoding.special])));
    const done = Math.min(sums.tokens, total);
    control.report({ stage: 'counting how often features fire', done, total, unit: 'tokens' });
  }
  return densitiesOf(sums.fires, sums.tokens);
}
