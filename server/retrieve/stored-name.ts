import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UsageError } from '../foundation/errors.ts';

/** A name that is a file's name on every platform. Everything else is taken for a path. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

export function isStoredName(value: string): boolean {
  return NAME.test(value) && !value.endsWith('.');
}

/** @throws UsageError for a name that cannot be stored under */
export function checkName(argument: string, value: string): void {
  if (!isStoredName(value))
    throw new UsageError(
      `${argument} is "${value}", which cannot be a name; expected letters, digits, ".", "_" and "-", at most 100 of them`,
    );
}

/** Where an artifact is written: a plain name in the home folder, anything else as a path. */
export function placeOf(folder: string, nameOrPath: string): string {
  return isStoredName(nameOrPath) ? join(folder, nameOrPath) : resolve(nameOrPath);
}

/** Names in a folder of artifacts, sorted; none where the folder does not exist yet. Unfinished writes are left out. */
export async function storedNames(folder: string, ending = ''): Promise<string[]> {
  const entries = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.endsWith(ending) && !/\.(tmp|old)$/.test(entry))
    .map((entry) => entry.slice(0, entry.length - ending.length))
    .filter(isStoredName)
    .sort();
}
