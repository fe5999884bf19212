import type { Passage } from '../corpus/passage.ts';
import type { Encoding } from '../foundation/encoding.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';
import { featuresOfTexts, type TextFeatures } from './text-features.ts';
import type { InspectedDictionary } from './token-readings.ts';

/** What is needed of a corpus; `Corpus` of server/corpus is one. */
export interface PassageSource {
  readonly summary: { readonly name: string; readonly contentHash: string; readonly tokens: number };
  passages(): AsyncIterable<Passage>;
  byIds(ids: readonly string[]): Promise<Passage[]>;
}

/** Some passages, and the features of their tokens. */
export interface PassageFeatures extends TextFeatures {
  readonly passages: readonly { readonly id: string; readonly encoding: Encoding }[];
}

const BATCH_TOKENS = 2048;

/** Features of a corpus, a batch of passages at a time; of one larger than `tokens` passages are taken at even distances. */
export async function* featuresOfCorpus(
  inspected: InspectedDictionary,
  corpus: PassageSource,
  tokens: number,
  control: JobControl,
): AsyncGenerator<PassageFeatures, void, undefined> {
  let passages: { readonly id: string; readonly encoding: Encoding }[] = [];
  let size = 0;
  const read = async (): Promise<PassageFeatures> => {
    throwIfStopped(control);
    const encodings = passages.map(({ encoding }) => encoding);
    return { passages, ...(await featuresOfTexts(encodings, inspected, control.signal)) };
  };
  for await (const { id, text } of evenly(corpus, tokens)) {
    const encoding = inspected.model.encode(text);
    passages.push({ id, encoding });
    size += encoding.ids.length;
    if (size < BATCH_TOKENS) continue;
    yield await read();
    [passages, size] = [[], 0];
  }
  if (passages.length > 0) yield await read();
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
