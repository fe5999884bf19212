import {
  ByteLevelPreTokenizer,
  SequencePreTokenizer,
  SplitPreTokenizer,
  type Tokenizer,
} from '@huggingface/tokenizers';
import { Utf8Walk } from './token-offsets.ts';

/** A word's tokens. */
export interface Word {
  readonly ids: readonly number[];
  /** UTF-16 offset in the word of each token's end. */
  readonly ends: readonly number[];
}

/** Words follow Zipf's law: after a reset the frequent ones are back within a few passages. */
const MAX_CACHED_WORDS = 200_000;
const MAX_CACHED_LENGTH = 64;

interface Cut {
  readonly pattern: RegExp;
  readonly bytes: ByteLevelPreTokenizer;
}

/** How the tokenizer cuts text into words that are tokenized independently; null where it is not by one pattern and then by bytes. */
function cutOf({ pre_tokenizer: preTokenizer }: Tokenizer): Cut | null {
  if (preTokenizer instanceof ByteLevelPreTokenizer)
    return preTokenizer.use_regex && !preTokenizer.add_prefix_space
      ? { pattern: preTokenizer.pattern, bytes: preTokenizer }
      : null;
  if (!(preTokenizer instanceof SequencePreTokenizer)) return null;
  const [split, bytes, ...others] = preTokenizer.tokenizers;
  const isCut =
    others.length === 0 &&
    split instanceof SplitPreTokenizer &&
    bytes instanceof ByteLevelPreTokenizer &&
    !bytes.use_regex &&
    !bytes.add_prefix_space &&
    split.config.behavior === 'Isolated' &&
    split.config.invert !== true &&
    split.pattern !== null;
  return isCut ? { pattern: split.pattern!, bytes } : null;
}

/**
 * Byte-level tokenizers (GPT-2's and what came after) tokenize each word by itself, so every distinct word is tokenized once, by the library,
 * and remembered with the places of its tokens. Ids are the library's, two orders of magnitude faster.
 */
export class ByteLevelWords {
  readonly #tokenizer: Tokenizer;
  readonly #pattern: RegExp;
  readonly #bytes: ByteLevelPreTokenizer;
  readonly #words = new Map<string, Word>();

  private constructor(tokenizer: Tokenizer, { pattern, bytes }: Cut) {
    this.#tokenizer = tokenizer;
    this.#pattern = new RegExp(pattern.source, pattern.flags.includes('g') ? pattern.flags : `${pattern.flags}g`);
    this.#bytes = bytes;
  }

  static of(tokenizer: Tokenizer): ByteLevelWords | null {
    const cut = cutOf(tokenizer);
    return cut === null ? null : new ByteLevelWords(tokenizer, cut);
  }

  /** Calls `use` for each word of a text, in order, with the word's place; what lies between two matches of the pattern is a word, too. */
  forEach(text: string, use: (word: Word, start: number) => void): void {
    const pattern = this.#pattern;
    pattern.lastIndex = 0;
    let place = 0;
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      if (match[0] === '') {
        pattern.lastIndex += 1;
        continue;
      }
      if (match.index > place) use(this.#wordOf(text.slice(place, match.index)), place);
      use(this.#wordOf(match[0]), match.index);
      place = match.index + match[0].length;
    }
    if (place < text.length) use(this.#wordOf(text.slice(place)), place);
  }

  #wordOf(text: string): Word {
    const known = this.#words.get(text);
    if (known !== undefined) return known;
    const word = this.#tokenize(text);
    if (text.length <= MAX_CACHED_LENGTH) {
      if (this.#words.size >= MAX_CACHED_WORDS) this.#words.clear();
      this.#words.set(text, word);
    }
    return word;
  }

  #tokenize(text: string): Word {
    const letters = Array.from(Buffer.from(text), (byte) => this.#bytes.byte_encoder[byte]!);
    const tokens = this.#tokenizer.model!.encode([letters.join('')]);
    const walk = new Utf8Walk(text);
    const [ids, ends]: [number[], number[]] = [[], []];
    for (const token of tokens) {
      walk.advance(token.length);
      ids.push(this.#tokenizer.token_to_id(token)!);
      ends.push(walk.place);
    }
    if (ends.length > 0) ends[ends.length - 1] = text.length;
    return { ids, ends };
  }
}
