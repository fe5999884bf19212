import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AddSeedsRequest } from '../protocol/requests.ts';
import { seedPlaceOf, seedsOfText, type SeedSplit } from '../retrieve/seed-text.ts';
import type { Surroundings } from './shell.ts';
import { readText } from './text-input.ts';

/**
 * The seeds of one argument: `FILE:START-END` is one seed, the lines from START to END (from 1, END included);
 * a whole FILE, or `-` for stdin, is cut into one seed a paragraph, a line, or not at all.
 * @throws UsageError where there is no text.
 */
export async function seedsOf(
  argument: string,
  by: SeedSplit,
  surroundings: Surroundings,
): Promise<AddSeedsRequest['seeds']> {
  const { file, lines } = seedPlaceOf(argument, existsSync);
  const text = await readText(file, surroundings);
  const isInput = file === '-';
  return seedsOfText(
    text,
    { file: isInput ? null : resolve(file), lines, argument: isInput ? 'stdin' : `"${argument}"` },
    by,
  );
}
