/** A text as the tokenizer's normaliser changed it, with the way back to the original's places. */
export interface NormalisedText {
  readonly text: string;
  /**
   * [text.length + 1] UTF-16 offset in the original of each UTF-16 offset in the normalised text; never falls. Null where nothing
   * was changed.
   */
  readonly original: Uint32Array | null;
}

type Normalise = (text: string) => string;

/** Letters that join the one before: marks, Hangul vowels and finals, joiners and variation selectors. */
const JOINS_PREVIOUS = /\p{M}|[\u1160-\u11ff]|\u200c|\u200d|[\ufe00-\ufe0f]/u;

/** Runs of characters that no normaliser of the field changes: they need no segmentation. */
const PLAIN = /[\x20-\x7e]+/y;

/** Cuts a text where normalising the parts one by one may give the normalised whole. */
function* segments(text: string): Generator<readonly [start: number, end: number]> {
  let start = 0;
  while (start < text.length) {
    PLAIN.lastIndex = start;
    const plain = PLAIN.exec(text)?.[0].length ?? 0;
    // The last plain character may be the base of a mark that follows.
    if (plain > 1) yield [start, start + plain - 1];
    let end = start + Math.max(0, plain - 1);
    const first = end;
    do end += String.fromCodePoint(text.codePointAt(end)!).length;
    while (end < text.length && JOINS_PREVIOUS.test(String.fromCodePoint(text.codePointAt(end)!)));
    yield [first, end];
    start = end;
  }
}

/** Words that normalising leaves alone are one segment; the others are cut as finely as can be. */
function* changedSegments(text: string, normalise: Normalise): Generator<readonly [start: number, end: number]> {
  for (const { 0: word, index } of text.matchAll(/[^ \n]*[ \n]+|[^ \n]+/g)) {
    if (normalise(word) === word) yield [index, index + word.length];
    else for (const [start, end] of segments(word)) yield [index + start, index + end];
  }
}

/** What a normaliser puts in front of every text (sentence-piece's space). */
function prefixOf(normalise: Normalise): string {
  const written = normalise('a');
  return written.endsWith('a') ? written.slice(0, -1) : '';
}

/**
 * Normalises a text and keeps the places. Inside a segment whose length changed, places map to the segment's ends: a character that was
 * put together from several cannot be cut. Where the parts do not give the whole (a normaliser that looks further), all of it is one segment.
 */
export function normalisedText(text: string, normalise: Normalise): NormalisedText {
  const whole = normalise(text);
  if (whole === text) return { text, original: null };
  const original = new Uint32Array(whole.length + 1);
  const prefix = prefixOf(normalise);
  let length = whole.startsWith(prefix) ? prefix.length : 0;
  for (const [start, end] of changedSegments(text, normalise)) {
    const written = normalise(text.slice(start, end));
    const changed = written.startsWith(prefix) ? written.slice(prefix.length) : written;
    if (!whole.startsWith(changed, length)) break;
    for (let i = 0; i < changed.length; i++)
      original[length + i] = changed.length === end - start ? start + i : i === 0 ? start : end;
    length += changed.length;
  }
  if (length !== whole.length) original.fill(text.length, 1, whole.length);
  original[whole.length] = text.length;
  return { text: whole, original };
}
