import { NgramSet, ngramsOf } from '../corpus/ngrams.ts';

/** What is compared: a passage, a seed, any text with its hash. */
export interface HashedText {
  readonly text: string;
  readonly contentHash: string;
}

/** Texts that others must not repeat: by content hash, or by any shared 13-gram of words (`server/corpus/ngrams.ts`). */
export class OverlapFilter {
  readonly #hashes = new Set<string>();
  readonly #ngrams = new NgramSet(Infinity); // forgets nothing

  constructor(texts: Iterable<HashedText> = []) {
    for (const text of texts) this.add(text);
  }

  add({ text, contentHash }: HashedText): void {
    this.#hashes.add(contentHash);
    this.#ngrams.add(text);
  }

  repeats({ text, contentHash }: HashedText): boolean {
    return this.#hashes.has(contentHash) || this.#ngrams.overlaps(ngramsOf(text));
  }
}
