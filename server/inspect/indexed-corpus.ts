import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, sha256 } from '../foundation/hash.ts';
import type { JobControl } from '../foundation/progress.ts';
import { featuresOfCorpus, type PassageSource } from './corpus-features.ts';
import { FeatureIndexBuilder } from './feature-index-builder.ts';
import { FeatureIndex, writeFeatureIndex } from './feature-index.ts';
import type { InspectedDictionary } from './token-readings.ts';

export interface IndexExtent {
  /** Tokens read at most; of a larger corpus passages are taken at even distances. */
  readonly tokens: number;
  readonly passagesPerFeature: number;
}

export const DEFAULT_EXTENT: IndexExtent = { tokens: 250_000, passagesPerFeature: 20 };
const FORMAT_VERSION = 3;

/** Where the index of a dictionary over a corpus lies: its name is a hash over everything that shapes it. */
export function featureIndexPath(
  cacheFolder: string,
  { dictionary, model }: InspectedDictionary,
  corpus: PassageSource,
  extent: IndexExtent,
): string {
  const inputs = {
    version: FORMAT_VERSION,
    dictionary: dictionary.contentHash,
    model: model.description.contentHash,
    corpus: corpus.summary.contentHash,
    ...extent,
  };
  return join(cacheFolder, 'features', sha256(canonicalJson(inputs)).slice(0, 32), 'index.safetensors');
}

/**
 * The index of a dictionary over a corpus: made on first use, then read from the cache. Stopped half-way, nothing is left behind and the
 * next call begins anew.
 */
export async function openFeatureIndex(
  cacheFolder: string,
  inspected: InspectedDictionary,
  corpus: PassageSource,
  control: JobControl,
  extent: IndexExtent = DEFAULT_EXTENT,
): Promise<FeatureIndex> {
  const path = featureIndexPath(cacheFolder, inspected, corpus, extent);
  const { dSae } = inspected.dictionary.shape;
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (!exists) await writeFeatureIndex(path, await buildIndex(inspected, corpus, control, extent));
  return FeatureIndex.open(path, dSae);
}

async function buildIndex(
  inspected: InspectedDictionary,
  corpus: PassageSource,
  control: JobControl,
  extent: IndexExtent,
): Promise<FeatureIndexBuilder> {
  const builder = new FeatureIndexBuilder(inspected.dictionary.shape.dSae, extent.passagesPerFeature);
  const total = Math.min(extent.tokens, corpus.summary.tokens);
  for await (const { passages, starts, features } of featuresOfCorpus(inspected, corpus, extent.tokens, control)) {
    for (const [i, { id, encoding }] of passages.entries())
      builder.add(id, features, starts[i]!, starts[i]! + encoding.ids.length, encoding.special);
    control.report({ stage: 'indexing features', done: Math.min(builder.tokens, total), total, unit: 'tokens' });
  }
  return builder;
}
