import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Passage } from '../corpus/passage.ts';
import type { Encoding } from '../foundation/encoding.ts';
import { canonicalJson, sha256 } from '../foundation/hash.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';
import { FeatureIndexBuilder } from './feature-index-builder.ts';
import { FeatureIndex, writeFeatureIndex } from './feature-index.ts';
import { featuresOfTexts } from './text-features.ts';
import type { InspectedDictionary } from './token-readings.ts';

/** What an index needs of a corpus; `Corpus` of server/corpus is one. */
export interface PassageSource {
  readonly summary: { readonly name: string; readonly contentHash: string; readonly tokens: number };
  passages(): AsyncIterable<Passage>;
  byIds(ids: readonly string[]): Promise<Passage[]>;
}

export interface IndexExtent {
  /** Tokens read at most; of a larger corpus passages are taken at even distances. */
  readonly tokens: number;
  readonly passagesPerFeature: number;
}

export const DEFAULT_EXTENT: IndexExtent = { tokens: 250_000, passagesPerFeature: 20 };
const FORMAT_VERSION = 2;
const BATCH_TOKENS = 2048;

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
  let batch: { readonly id: string; readonly encoding: Encoding }[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    throwIfStopped(control);
    const encodings = batch.map(({ encoding }) => encoding);
    const { starts, features } = await featuresOfTexts(encodings, inspected, control.signal);
    for (const [i, { id, encoding }] of batch.entries())
      builder.add(id, features, starts[i]!, starts[i]! + encoding.ids.length, encoding.special);
    [batch, size] = [[], 0];
    control.report({ stage: 'indexing features', done: Math.min(builder.tokens, total), total, unit: 'tokens' });
  };
  for await (const { id, text } of evenly(corpus, extent.tokens)) {
    const encoding = inspected.model.encode(text);
    batch.push({ id, encoding });
    size += encoding.ids.length;
    if (size >= BATCH_TOKENS) await flush();
  }
  if (batch.length > 0) await flush();
  return builder;
}

/** Passages at even distances that together hold about `tokens` tokens; all of a smaller corpus. */
async function* evenly(corpus: PassageSource, tokens: number): AsyncGenerator<Passage, void, undefined> {
  const share = Math.min(1, tokens / Math.max(1, corpus.summary.tokens));
  let [seen, taken] = [0, 0];
  for await (const passage of corpus.passages()) {
    seen += passage.tokens;
    if (taken >= share * seen) continue;
    taken += passage.tokens;
    yield passage;
  }
}
