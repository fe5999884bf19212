/**
 * The folder outside of clones that holds what editor tests need and npm ci does not bring: a VS Code server, its Node, an
 * unpacked Chromium. One folder a version, shared by all clones: $CODE_SERVER_CACHE, else $XDG_CACHE_HOME/ssae-studio-workbench,
 * else ~/.cache/ssae-studio-workbench.
 */
import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { chmodSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MILLISECONDS = 200;

export function cacheFolder() {
  const { CODE_SERVER_CACHE, XDG_CACHE_HOME } = process.env;
  return resolve(CODE_SERVER_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'ssae-studio-workbench'));
}

/** An error of the set-up: its message says it all, a stack would hide it. */
export function setupError(message, remedy) {
  const text = `${message}\nRemedy: ${remedy}`;
  return Object.assign(new Error(text), { stack: text });
}

/**
 * The cache's folder of a name, filled by `make(partial, folder)` where it is missing. One process makes at a time, the others
 * wait; it has its name only when complete, and what a killed process left is cleared by the next one that makes something.
 */
export async function cached(name, make) {
  const cache = cacheFolder();
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  return withLock(join(cache, '.lock'), async () => {
    if (existsSync(folder)) return folder;
    for (const left of readdirSync(cache).filter((entry) => entry.startsWith('.partial-')))
      rmSync(join(cache, left), { recursive: true, force: true });
    const partial = mkdtempSync(join(cache, '.partial-'));
    try {
      await make(partial, folder);
      chmodSync(partial, 0o755);
      renameSync(partial, folder);
    } finally {
      rmSync(partial, { recursive: true, force: true });
    }
    return folder;
  });
}

/** The lock is a file that names its process; one whose process is gone is taken over. */
async function withLock(lock, work) {
  const own = `${lock}-${process.pid}`;
  writeFileSync(own, String(process.pid));
  try {
    while (!take(own, lock)) await sleep(POLL_MILLISECONDS);
    try {
      return await work();
    } finally {
      rmSync(lock, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** A hard link appears with its content, so nobody ever reads a lock without an owner. */
function take(own, lock) {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!isAlive(ownerOf(lock))) rmSync(lock, { force: true });
    return false;
  }
}

function ownerOf(lock) {
  try {
    return Number(readFileSync(lock, 'utf8'));
  } catch {
    return process.pid; // Given back just now: ask again.
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
