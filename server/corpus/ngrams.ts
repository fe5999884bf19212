import { NumberSet } from './number-set.ts';

/** Words of a shingle, as in GPT-3's and PaLM's overlap analyses. */
export const NGRAM_WORDS = 13;
/** 13-grams that are remembered, in at most 256 MiB; the newest eight million always are. */
const REMEMBERED_NGRAMS = 1 << 24;

// Scripts written without spaces count every character as a word.
const UNSPACED = String.raw`[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}]`;
const HAS_UNSPACED = new RegExp(UNSPACED, 'u');
const SPACED_WORD = /[\p{L}\p{M}\p{N}]+/gu;
const ANY_WORD = new RegExp(String.raw`(?=\p{L})${UNSPACED}|(?:(?!${UNSPACED})[\p{L}\p{M}\p{N}])+`, 'gu');
const BASES = [0x01000193, 0x5bd1e995] as const;

function mix(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function wordHash(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** Two independent 32-bit polynomial hashes over `words[first .. first + length)`, joined to a number from 1 to 2⁵³ − 1. */
function shingleHash(words: Uint32Array, first: number, length: number): number {
  let [low, high] = [length, ~length];
  for (let i = first; i < first + length; i++) {
    low = Math.imul(low, BASES[0]) + words[i]!;
    high = Math.imul(high, BASES[1]) ^ words[i]!;
  }
  return (mix(high) & 0x1fffff) * 0x100000000 + mix(low) || 1;
}

/**
 * Hashes of the distinct 13-grams of a text's words (case, punctuation and compatibility forms do not count). A text of fewer
 * than 13 words has one: its whole sequence of words. A text without words has none.
 */
export function ngramsOf(text: string): Float64Array {
  const plain = text.normalize('NFKC').toLowerCase();
  const words = Uint32Array.from(plain.match(HAS_UNSPACED.test(plain) ? ANY_WORD : SPACED_WORD) ?? [], wordHash);
  if (words.length === 0) return new Float64Array();
  const length = Math.min(NGRAM_WORDS, words.length);
  const hashes = new Set<number>();
  for (let first = 0; first + length <= words.length; first++) hashes.add(shingleHash(words, first, length));
  return Float64Array.from(hashes);
}

/** 13-grams seen so far. Memory is bounded: beyond `limit` n-grams the oldest are forgotten, see {@link NumberSet}. */
export class NgramSet {
  readonly #seen: NumberSet;

  constructor(limit = REMEMBERED_NGRAMS) {
    this.#seen = new NumberSet(limit);
  }

  add(text: string | Float64Array): void {
    for (const ngram of typeof text === 'string' ? ngramsOf(text) : text) this.#seen.add(ngram);
  }

  /** Number of the text's distinct 13-grams that were seen. */
  shared(text: string | Float64Array): number {
    let shared = 0;
    for (const ngram of typeof text === 'string' ? ngramsOf(text) : text) if (this.#seen.has(ngram)) shared++;
    return shared;
  }

  /** Share of the text's distinct 13-grams that were seen; 0 for a text without words. */
  share(text: string | Float64Array): number {
    const ngrams = typeof text === 'string' ? ngramsOf(text) : text;
    return ngrams.length === 0 ? 0 : this.shared(ngrams) / ngrams.length;
  }

  /** Whether at least `minimumShared` of the text's distinct 13-grams were seen. */
  overlaps(text: string | Float64Array, minimumShared = 1): boolean {
    return this.shared(text) >= minimumShared;
  }
}
