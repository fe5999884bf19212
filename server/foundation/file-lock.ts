import { mkdir, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf, WorkError } from './errors.ts';

const RETRY_MS = 10;
/** Work under a lock is a read and a write of one small file; whoever held one longer than this is dead. */
const ABANDONED_MS = 10_000;

async function take(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx')).close();
    return true;
  } catch (error) {
    // Windows says EPERM of a file that is being deleted.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || (code === 'EPERM' && process.platform === 'win32')) return false;
    throw new WorkError(`could not write ${lock}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Does work on a small file that no other call, of this or another process, does at the same time: `path.lock` stands beside it meanwhile.
 * A lock left behind by a crash is taken over after ten seconds.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  await mkdir(dirname(lock), { recursive: true });
  while (!(await take(lock))) {
    const held = await stat(lock).catch(() => null);
    if (held !== null && Date.now() - held.mtimeMs > ABANDONED_MS) await rm(lock, { force: true });
    else await wait(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}
