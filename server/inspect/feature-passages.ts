/** The passages of a feature's page: its strongest ones, and some of every octave of activation below. */
import { NgramSet } from '../corpus/ngrams.ts';
import type { Passage } from '../corpus/passage.ts';
import type { FeaturePassage } from '../protocol/feature-pages.ts';
import type { PassageSource } from './corpus-features.ts';
import type { LanguageModel } from '../model/language-model.ts';
import type { IndexedFeature } from './feature-index.ts';

/** A passage repeats those before it when at least this share of its 13-grams is in them: the rule of ingesting. */
const REPEATED_SHARE = 0.5;

/** Passages that do not repeat each other. */
class DistinctPassages {
  readonly chosen: Passage[] = [];
  readonly #texts = new Set<string>();
  readonly #ngrams = new NgramSet();

  /** @returns whether it was new */
  add(passage: Passage): boolean {
    const { text } = passage;
    if (this.#texts.has(text) || this.#ngrams.share(text) >= REPEATED_SHARE) return false;
    this.#texts.add(text);
    this.#ngrams.add(text);
    this.chosen.push(passage);
    return true;
  }
}

/**
 * Half of the passages are the strongest; the other half are taken in turns from the octaves of the feature's activation, one of each from
 * the strongest octave down. What the octaves cannot fill the next strongest do. Passages that repeat another are left out.
 */
export async function spreadPassages(
  { top, samples }: Pick<IndexedFeature, 'top' | 'samples'>,
  count: number,
  corpus: PassageSource,
): Promise<Passage[]> {
  const ids = [...new Set([...top, ...samples].map(({ id }) => id))];
  const found = new Map((await corpus.byIds(ids)).map((passage) => [passage.id, passage]));
  const distinct = new DistinctPassages();
  const take = (candidates: Iterable<{ readonly id: string }>, upTo: number): void => {
    for (const { id } of candidates) {
      if (distinct.chosen.length >= upTo) return;
      distinct.add(found.get(id)!);
    }
  };
  take(top, Math.ceil(count / 2));
  const octaves = [...new Set(samples.map(({ octave }) => octave))];
  const queues = octaves.map((octave) => samples.filter((sample) => sample.octave === octave));
  while (distinct.chosen.length < count && queues.some((queue) => queue.length > 0))
    for (const queue of queues) {
      if (distinct.chosen.length >= count) break;
      while (queue.length > 0 && !distinct.add(found.get(queue.shift()!.id)!));
    }
  take(top, count);
  return distinct.chosen;
}

/** Passages with the activation of every token, strongest first; the index knows them, so that only the tokenizer runs. */
export async function featurePassages(
  model: Pick<LanguageModel, 'encode'>,
  indexed: Pick<IndexedFeature, 'top' | 'samples' | 'activations'>,
  count: number,
  corpus: PassageSource,
): Promise<FeaturePassage[]> {
  if (count === 0 || indexed.top.length === 0) return [];
  const passages = await spreadPassages(indexed, count, corpus);
  return passages
    .map(({ id, text, provenance }) => {
      const { starts, ends, special } = model.encode(text);
      const activations = new Map(
        (indexed.activations.get(id) ?? []).map(({ token, activation }) => [token, activation]),
      );
      const tokens = [...special.keys()]
        .filter((token) => special[token] !== 1)
        .map((token) => ({ text: text.slice(starts[token], ends[token]), activation: activations.get(token) ?? 0 }));
      const maximum = tokens.reduce((most, { activation }) => Math.max(most, activation), 0);
      const share = Math.min(1, maximum / indexed.top[0]!.maximum);
      return { id, source: provenance.source, maximum, share, tokens };
    })
    .sort((a, b) => b.maximum - a.maximum);
}
