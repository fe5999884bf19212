import type { NormalisedText } from './normalised-text.ts';

/** A token's surface: the bytes that a byte-level token stands for, or the text of a word piece. */
export type Surface =
  | { readonly kind: 'bytes'; readonly length: number }
  | { readonly kind: 'text'; readonly text: string }
  /** A token that shows nothing of its text: the unknown token. */
  | { readonly kind: 'unknown' };

const REPLACEMENT_BYTES = 3;

function utf8Length(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  if (codePoint >= 0xd800 && codePoint <= 0xdfff) return REPLACEMENT_BYTES; // A lone surrogate is written as U+FFFD.
  return codePoint < 0x10000 ? 3 : 4;
}

/**
 * Walks a text by the bytes of its UTF-8 form. A place inside a character is put behind it: the first of the tokens that share a
 * character owns it, the others have no width.
 */
export class Utf8Walk {
  readonly #text: string;
  /** UTF-16 offset of the next whole character. */
  place = 0;
  /** Bytes of the character before `place` that are not read yet. */
  #owed = 0;

  constructor(text: string) {
    this.#text = text;
  }

  advance(bytes: number): void {
    let left = bytes - this.#owed;
    while (left > 0 && this.place < this.#text.length) {
      const codePoint = this.#text.codePointAt(this.place)!;
      left -= utf8Length(codePoint);
      this.place += codePoint > 0xffff ? 2 : 1;
    }
    this.#owed = -left;
  }

  moveTo(place: number): void {
    this.place = place;
    this.#owed = 0;
  }
}

/** Sentence-piece tokenizers write a space as ▁. */
const withSpaces = (text: string): string => text.replaceAll('▁', ' ');

/**
 * Where a token's text ends that begins at `place` or, where the tokenizer drops white space, soon after. A space that was put in front of
 * it by the tokenizer is not in the text.
 */
function endOf(token: string, text: string, place: number): number {
  if (text.startsWith(token, place)) return place + token.length;
  const bare = token.replace(/^ /, '');
  if (bare !== token && text.startsWith(bare, place)) return place + bare.length;
  const dropped = /^\s+/u.exec(text.slice(place, place + 256))?.[0].length ?? 0;
  if (dropped > 0) return endOf(bare, text, place + dropped);
  const found = text.indexOf(bare, place);
  return found < 0 ? place : found + bare.length;
}

/**
 * Where each token ends in the original text, UTF-16. Tokens cover the text: what none of them shows (white space that a word-piece
 * tokenizer drops) goes to the token after it, and what is left at the end to the last.
 */
export function tokenEnds(surfaces: readonly Surface[], normalised: NormalisedText): Uint32Array {
  const ends = new Uint32Array(surfaces.length);
  const walk = new Utf8Walk(normalised.text);
  const text = withSpaces(normalised.text);
  for (const [i, surface] of surfaces.entries()) {
    if (surface.kind === 'bytes') walk.advance(surface.length);
    else if (surface.kind === 'text') walk.moveTo(endOf(withSpaces(surface.text), text, walk.place));
    else walk.moveTo(endOfUnknown(surfaces[i + 1], text, walk.place));
    ends[i] = normalised.original?.[walk.place] ?? walk.place;
  }
  return ends;
}

/** An unknown token stands for what lies before the next one, within its word. */
function endOfUnknown(next: Surface | undefined, text: string, place: number): number {
  const word = place + (/^\s*\S+/u.exec(text.slice(place))?.[0].length ?? 0);
  const found = next?.kind === 'text' ? text.indexOf(withSpaces(next.text), place) : -1;
  return found < 0 ? word : Math.min(found, word);
}
