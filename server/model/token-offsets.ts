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
class Utf8Walk {
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

/**
 * Where each token ends in the original text, UTF-16. Tokens cover the text: what none of them shows (white space that a word-piece
 * tokenizer drops) goes to the token after it, and what is left at the end to the last.
 */
export function tokenEnds(surfaces: readonly Surface[], { text, original }: NormalisedText): Uint32Array {
  const ends = new Uint32Array(surfaces.length);
  const walk = new Utf8Walk(text);
  for (const [i, surface] of surfaces.entries()) {
    if (surface.kind === 'bytes') walk.advance(surface.length);
    else if (surface.kind === 'text') {
      const found = text.indexOf(surface.text, walk.place);
      walk.moveTo(found < 0 ? walk.place : found + surface.text.length);
    } else {
      const next = surfaces.slice(i + 1).find(({ kind }) => kind === 'text');
      const found = next?.kind === 'text' ? text.indexOf(next.text, walk.place) : -1;
      const word = /^\s*\S+/u.exec(text.slice(walk.place))?.[0].length ?? 0;
      walk.moveTo(found < 0 ? walk.place + word : Math.min(found, walk.place + word));
    }
    ends[i] = original[walk.place]!;
  }
  if (ends.length > 0) ends[ends.length - 1] = original[text.length]!;
  return ends;
}
