import { UsageError } from '../foundation/errors.ts';
import type { GivenSeed } from './seed-store.ts';

/** How a text is cut into seeds. */
export type SeedSplit = 'paragraph' | 'line' | 'none';

interface Place {
  readonly start: number;
  readonly end: number;
}

/** UTF-16 ranges of a text's lines, without their line ends. */
function linesOf(text: string): Place[] {
  return [...text.matchAll(/[^\r\n]*(?:\r\n|\r|\n|$)/g)]
    .filter(({ 0: line }) => line !== '')
    .map(({ index, 0: line }) => ({ start: index, end: index + line.replace(/[\r\n]+$/, '').length }));
}

/** Runs of lines that are not blank. */
function paragraphsOf(text: string): Place[] {
  const paragraphs: Place[] = [];
  let isOpen = false;
  for (const { start, end } of linesOf(text)) {
    const isBlank = text.slice(start, end).trim() === '';
    if (isOpen && !isBlank) paragraphs.push({ start: paragraphs.pop()!.start, end });
    else if (!isBlank) paragraphs.push({ start, end });
    isOpen = !isBlank;
  }
  return paragraphs;
}

function trimmed(text: string, { start, end }: Place): Place {
  const piece = text.slice(start, end);
  return { start: start + piece.length - piece.trimStart().length, end: end - (piece.length - piece.trimEnd().length) };
}

function split(text: string, by: SeedSplit): Place[] {
  const places = by === 'none' ? [{ start: 0, end: text.length }] : by === 'line' ? linesOf(text) : paragraphsOf(text);
  return places.map((place) => trimmed(text, place)).filter(({ start, end }) => end > start);
}

function lineRange(text: string, argument: string, first: number, last: number): Place {
  const lines = linesOf(text);
  if (first < 1 || last < first || last > lines.length)
    throw new UsageError(
      `${argument} is no range of lines; expected START-END with 1 ≤ START ≤ END ≤ ${lines.length}, the number of lines`,
    );
  const place = trimmed(text, { start: lines[first - 1]!.start, end: lines[last - 1]!.end });
  if (place.end <= place.start) throw new UsageError(`${argument} holds no text; expected lines that are not empty`);
  return place;
}

/** `FILE:START-END` as its file and lines; a FILE alone, also one whose name looks like that, has no lines. */
export function seedPlaceOf(
  argument: string,
  isFile: (path: string) => boolean,
): { file: string; lines: string | null } {
  const range = isFile(argument) ? null : /^(.+):(\d+(?:-\d+)?)$/.exec(argument);
  return range === null ? { file: argument, lines: null } : { file: range[1]!, lines: range[2]! };
}

/**
 * Seeds of a text: the lines START-END as one (from 1, END included), or the whole text cut into one a paragraph, a line, or not at all.
 * @param file where the text is from, absolute; null where it is from no file
 * @param argument what to call it in a message
 * @throws UsageError where there is no text
 */
export function seedsOfText(
  text: string,
  { file, lines, argument }: { readonly file: string | null; readonly lines: string | null; readonly argument: string },
  by: SeedSplit,
): GivenSeed[] {
  const [first, last = first] = (lines ?? '').split('-').map(Number);
  const places = lines === null ? split(text, by) : [lineRange(text, argument, first!, last!)];
  if (places.length === 0) throw new UsageError(`${argument} holds no text; expected at least one seed`);
  return places.map(({ start, end }) => ({
    text: text.slice(start, end),
    from: file === null ? null : { file, start, end },
  }));
}
