import type { TextTokenizer } from '../foundation/encoding.ts';

/** What a passage is: a whole record, a paragraph of it, or so many tokens of it. */
export type Unit =
  { readonly kind: 'document' } | { readonly kind: 'paragraph' } | { readonly kind: 'window'; readonly tokens: number };

/** A UTF-16 range of a text and the tokens in it. */
export interface Cut {
  readonly start: number;
  readonly end: number;
  readonly tokens: number;
}

/** UTF-16 units given to the tokenizer at once: it bounds the memory of a record of megabytes. */
const PIECE_LENGTH = 1 << 17;

/** The nearest place at or below `place` that does not divide a surrogate pair. */
function wholeCharacter(text: string, place: number): number {
  const divides = place > 0 && place < text.length && (text.codePointAt(place - 1) ?? 0) > 0xffff;
  return divides ? place - 1 : place;
}

/** Ranges that tile a long text, each at most PIECE_LENGTH long, ending after a blank line, a line or a space where there is one. */
function* pieces(text: string): Generator<{ readonly start: number; readonly end: number }> {
  for (let start = 0; start < text.length;) {
    let end = Math.min(text.length, start + PIECE_LENGTH);
    if (end < text.length) {
      const earliest = start + PIECE_LENGTH / 2;
      const breakAt = ['\n\n', '\n', ' ']
        .map((mark) => text.lastIndexOf(mark, end - mark.length) + mark.length)
        .find((place) => place > earliest);
      end = breakAt ?? wholeCharacter(text, end);
    }
    yield { start, end };
    start = end;
  }
}

/** Starts and ends of the tokens that stand for text. */
function tokenRanges(tokenizer: TextTokenizer, text: string): { starts: number[]; ends: number[] } {
  const { starts, ends, special } = tokenizer.encode(text);
  const kept = [...special.keys()].filter((token) => special[token] === 0);
  return { starts: kept.map((token) => starts[token]!), ends: kept.map((token) => ends[token]!) };
}

/** Tokens of a text, BOS and its like left out. */
export function countTokens(tokenizer: TextTokenizer, text: string): number {
  let count = 0;
  for (const { start, end } of pieces(text))
    for (const special of tokenizer.encode(text.slice(start, end)).special) if (special === 0) count++;
  return count;
}

function* windows(text: string, tokenizer: TextTokenizer, length: number): Generator<Cut> {
  for (const piece of pieces(text)) {
    const content = text.slice(piece.start, piece.end);
    const { starts, ends } = tokenRanges(tokenizer, content);
    let [first, start] = [0, 0];
    while (first < starts.length) {
      // A token of a byte-level vocabulary may end inside a character, which then belongs to the next window whole;
      // a single character of more tokens than a window has makes a window of its own.
      let past = Math.min(first + length, starts.length);
      let end = past === starts.length ? content.length : wholeCharacter(content, ends[past - 1]!);
      while (end <= start && past < starts.length) {
        past++;
        end = past === starts.length ? content.length : wholeCharacter(content, ends[past - 1]!);
      }
      while (past < starts.length && past > first + 1 && starts[past - 1]! >= end) past--;
      yield { start: piece.start + start, end: piece.start + end, tokens: past - first };
      first = past;
      start = end;
    }
  }
}

function* paragraphs(text: string, tokenizer: TextTokenizer): Generator<Cut> {
  let start = 0;
  for (const separator of [...text.matchAll(/\r?\n(?:[^\S\n]*\r?\n)+/g), null]) {
    const block = text.slice(start, separator?.index ?? text.length);
    const content = block.trim();
    const from = start + block.indexOf(content);
    if (content !== '') yield { start: from, end: from + content.length, tokens: countTokens(tokenizer, content) };
    if (separator !== null) start = separator.index + separator[0].length;
  }
}

/**
 * Cuts a text into passages. Windows tile the text; paragraphs leave out blank lines and the space around them.
 * Texts beyond 131,072 UTF-16 units are tokenized in pieces that end at a blank line, a line or a space, and so do windows.
 */
export function* cut(text: string, unit: Unit, tokenizer: TextTokenizer): Generator<Cut> {
  switch (unit.kind) {
    case 'document':
      yield { start: 0, end: text.length, tokens: countTokens(tokenizer, text) };
      return;
    case 'paragraph':
      yield* paragraphs(text, tokenizer);
      return;
    case 'window':
      yield* windows(text, tokenizer, unit.tokens);
      return;
  }
}
