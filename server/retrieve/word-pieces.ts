import { Tokenizer } from '@huggingface/tokenizers';

/** Characters that every BERT-style pre-tokenizer cuts at and its normalizer neither removes nor moves; `\v`, `\f` and U+FEFF are not among them. */
const BREAK = /[ \t\n\r\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
/** Letters, digits and punctuation of ASCII: no character of these changes how another is read. */
const PLAIN = /^[!-~]+$/;
const PLAIN_PARTS = /[A-Za-z0-9]+|[!-~]/g;
const MAX_CACHED_WORDS = 200_000;
const MAX_CACHED_WORD_LENGTH = 48;

interface TokenizerFile {
  readonly normalizer?: { readonly type?: string } | null;
  readonly pre_tokenizer?: { readonly type?: string } | null;
  readonly added_tokens: readonly { readonly content: string; readonly normalized?: boolean }[];
}

/**
 * Token ids of texts, without special tokens, by Hugging Face's own tokenizer. Where its normalizer and pre-tokenizer
 * treat words between white space independently (BERT), each distinct word is tokenized once and remembered: ids are the
 * same as for the whole text, an order of magnitude faster.
 */
export class WordPieces {
  readonly #tokenizer: Tokenizer;
  readonly #wordsAreIndependent: boolean;
  readonly #words = new Map<string, Int32Array>();
  readonly #addedTokens: readonly string[];
  /** Largest id the tokenizer can give. */
  readonly largestId: number;

  /** @param file a parsed tokenizer.json. @throws whatever the tokenizer library throws on a file that is none. */
  constructor(file: object) {
    this.#tokenizer = new Tokenizer(file, {});
    this.largestId = [...this.#tokenizer.get_vocab().values()].reduce((largest, id) => Math.max(largest, id), -1);
    const { normalizer, pre_tokenizer: preTokenizer, added_tokens: added } = file as TokenizerFile;
    this.#addedTokens = added.map(({ content }) => content);
    this.#wordsAreIndependent =
      preTokenizer?.type === 'BertPreTokenizer' &&
      (normalizer == null || normalizer.type === 'BertNormalizer') &&
      added.every(({ content, normalized }) => !BREAK.test(content) && normalized !== true);
  }

  /** Calls `use` with the ids of the text, piece by piece in order. The array belongs to the cache: read it only. */
  forEach(text: string, use: (ids: Int32Array) => void): void {
    if (!this.#wordsAreIndependent) {
      use(this.#tokenize(text));
      return;
    }
    for (const word of text.split(BREAK)) if (word !== '') use(this.#idsOf(word));
  }

  /** @returns ids of the whole text. */
  encode(text: string): Int32Array {
    const ids: number[] = [];
    this.forEach(text, (pieces) => ids.push(...pieces));
    return Int32Array.from(ids);
  }

  #idsOf(word: string): Int32Array {
    const known = this.#words.get(word);
    if (known !== undefined) return known;
    const parts = this.#partsOf(word);
    const ids =
      parts.length > 1 ? Int32Array.from(parts.flatMap((part) => [...this.#idsOf(part)])) : this.#tokenize(word);
    if (word.length <= MAX_CACHED_WORD_LENGTH) {
      // Words follow Zipf's law: after a reset the frequent ones are back within a few passages.
      if (this.#words.size >= MAX_CACHED_WORDS) this.#words.clear();
      this.#words.set(word, ids);
    }
    return ids;
  }

  /** The pre-tokenizer's cut of a plain word, at punctuation: "(halo," and "halo." share the work for "halo". */
  #partsOf(word: string): readonly string[] {
    const isPlain = PLAIN.test(word) && !this.#addedTokens.some((token) => word.includes(token));
    return isPlain ? word.match(PLAIN_PARTS)! : [word];
  }

  #tokenize(text: string): Int32Array {
    return Int32Array.from(this.#tokenizer.encode(text, { add_special_tokens: false }).ids);
  }
}
