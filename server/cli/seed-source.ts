import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from '../foundation/errors.ts';
import type { AddSeedsRequest } from '../protocol/requests.ts';
import type { Surroundings } from './shell.ts';
import { readText } from './text-input.ts';

export type Split = 'paragraph' | 'line' | 'none';
type Seed = AddSeedsRequest['seeds'][number];

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

function split(text: string, by: Split): Place[] {
  const places = by === 'none' ? [{ start: 0, end: text.length }] : by === 'line' ? linesOf(text) : paragraphsOf(text);
  return places.map((place) => trimmed(text, place)).filter(({ start, end }) => end > start);
}

function lineRange(text: string, argument: string, first: number, last: number): Place {
  const lines = linesOf(text);
  if (first < 1 || last < first || last > lines.length)
    throw new UsageError(
      `"${argument}" is no range of lines; expected START-END with 1 ≤ START ≤ END ≤ ${lines.length}, the number of lines`,
    );
  const place = trimmed(text, { start: lines[first - 1]!.start, end: lines[last - 1]!.end });
  if (place.end <= place.start) throw new UsageError(`"${argument}" holds no text; expected lines that are not empty`);
  return place;
}

/**
 * The seeds of one argument: `FILE:START-END` is one seed, the lines from START to END (from 1, END included);
 * a whole FILE, or `-` for stdin, is cut into one seed a paragraph, a line, or not at all.
 * @throws UsageError where there is no text.
 */
export async function seedsOf(argument: string, by: Split, surroundings: Surroundings): Promise<Seed[]> {
  const range = existsSync(argument) ? null : /^(.+):(\d+)(?:-(\d+))?$/.exec(argument);
  const source = range?.[1] ?? argument;
  const text = await readText(source, surroundings);
  const places =
    range === null ? split(text, by) : [lineRange(text, argument, Number(range[2]), Number(range[3] ?? range[2]))];
  if (places.length === 0)
    throw new UsageError(`${source === '-' ? 'stdin' : `"${source}"`} holds no text; expected at least one seed`);
  return places.map(({ start, end }) => ({
    text: text.slice(start, end),
    from: source === '-' ? null : { file: resolve(source), start, end },
  }));
}
