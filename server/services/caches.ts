import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { claimant } from '../foundation/claim.ts';
import { IN_USE } from '../model/activation-cache.ts';
import type { ClearCachesResult } from '../protocol/results.ts';

/** A file that is being written; one left by a crash is older than any write lasts. */
const MAX_WRITE_MS = 3_600_000;

async function isBeingWritten(path: string): Promise<boolean> {
  const written = (await stat(path).catch(() => null))?.mtimeMs ?? 0;
  return path.endsWith('.tmp') && Date.now() - written < MAX_WRITE_MS;
}

async function removeFile(path: string): Promise<number> {
  const size = (await stat(path).catch(() => null))?.size ?? 0;
  // Windows refuses what is open: then it is in use.
  return rm(path).then(
    () => size,
    () => 0,
  );
}

async function clearFolder(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const { name } of entries) if (name.endsWith(IN_USE) && (await claimant(join(folder, name))) !== null) return 0;
  let freed = 0;
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      freed += await clearFolder(path);
      await rmdir(path).catch(() => undefined);
    } else if (!(await isBeingWritten(path))) freed += await removeFile(path);
  }
  return freed;
}

/**
 * Deletes everything below the cache folder but what a training run reads and what is just being written. Files that are open
 * stay readable to whoever has them open.
 */
export async function clearCaches(folder: string): Promise<ClearCachesResult> {
  return { bytes: await clearFolder(folder) };
}
