import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Interrupted, messageOf, WorkError } from './errors.ts';

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // Windows cannot open a folder to flush it; NTFS journals the rename.
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file so that after a crash at any moment the path holds either the old content or the new one, whole:
 * temporary file beside it, fsync, rename, fsync of the folder.
 * @throws WorkError when the disk refuses (full, read-only), naming the path; the old content stays.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array | ((file: FileHandle) => Promise<void>),
): Promise<void> {
  const folder = dirname(resolve(path));
  const temporary = join(folder, `.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    const file = await open(temporary, 'wx');
    try {
      if (typeof content === 'function') await content(file);
      else await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true });
    if (error instanceof WorkError || error instanceof Interrupted) throw error;
    throw new WorkError(`could not write ${path}: ${messageOf(error)}. What was there before is untouched.`, {
      cause: error,
    });
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  if (existsSync(from)) await rename(from, to);
}

/**
 * Fills a temporary folder beside `folder`, then puts it in its place: readers see the old folder or the new one, never a half.
 * Interrupted between the two renames, the old content is found again under `folder.old`, and the next call
 * puts it back before it does anything else.
 */
export async function writeFolderAtomic<T>(folder: string, fill: (temporary: string) => Promise<T>): Promise<T> {
  const target = resolve(folder);
  const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  const previous = `${target}.old`;
  try {
    if (!existsSync(target)) await renameIfThere(previous, target);
    await mkdir(temporary, { recursive: true });
    const filled = await fill(temporary);
    await rm(previous, { recursive: true, force: true });
    await renameIfThere(target, previous);
    await rename(temporary, target);
    await syncFolder(dirname(target));
    await rm(previous, { recursive: true, force: true });
    return filled;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (error instanceof WorkError) throw error;
    throw new WorkError(`could not write ${folder}: ${messageOf(error)}. What was there before is untouched.`, {
      cause: error,
    });
  }
}

/** Reads a JSON file. @throws WorkError naming the file when it is missing or not JSON. */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new WorkError(`could not read ${path}: ${messageOf(error)}`, { cause: error });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new WorkError(`${path} is not valid JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** Bytes of all files in a folder and below; 0 where there is none. Files that vanish meanwhile do not count. */
export async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const entries = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => null)));
  return entries.reduce((sum, entry) => sum + (entry?.isFile() === true ? entry.size : 0), 0);
}
