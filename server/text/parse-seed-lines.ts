/** Apart from the rest of seed files: the editor loads the schema when it meets the first of them. */
import { z } from 'zod';
import type { ParsedLine } from './seed-lines.ts';

const Seed = z.object({
  text: z.string(),
  from: z
    .object({ file: z.string(), start: z.int().min(0), end: z.int().min(0) })
    .nullable()
    .default(null),
});

export function parseSeedLines(content: string): ParsedLine[] {
  return content
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const seed = Seed.safeParse(parsedJson(line));
      return seed.success ? { kind: 'seed', seed: seed.data } : { kind: 'other', line };
    });
}

function parsedJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
