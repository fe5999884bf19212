import { readFile, stat } from 'node:fs/promises';
import { UsageError } from '../foundation/errors.ts';
import type { TrainedLatents } from '../protocol/requests.ts';

/** Stands for all features that never fired, where a file could be named. */
export const DEAD_LATENTS = 'dead';
/** Ten million feature numbers with a separator each. */
const MAX_BYTES = 100 * 1024 * 1024;

/**
 * The features that train, from a text file of their numbers.
 * @param given {@link DEAD_LATENTS}, or the file
 * @param argument what the user calls it, for messages
 * @throws UsageError when the file is none, too large, or holds something else than feature numbers
 */
export async function readLatents(given: string, argument: string): Promise<TrainedLatents> {
  if (given === DEAD_LATENTS) return { kind: 'dead' };
  const size = await stat(given).then(
    (found) => (found.isFile() ? found.size : null),
    () => null,
  );
  if (size === null || size > MAX_BYTES)
    throw new UsageError(
      `${argument} is "${given}", which is ${size === null ? 'no file' : `${size} bytes long`}; expected "${DEAD_LATENTS}", or a text file of feature numbers`,
    );
  const words = (await readFile(given, 'utf8')).split(/[\s,[\]]+/).filter((word) => word !== '');
  const strange = words.find((word) => !/^\d{1,9}$/.test(word));
  if (strange !== undefined || words.length === 0)
    throw new UsageError(
      `${argument} is "${given}", which holds ${strange === undefined ? 'nothing' : `"${strange.slice(0, 40)}"`}; expected feature numbers with spaces, commas or line ends between`,
    );
  return { kind: 'chosen', features: words.map(Number) };
}
