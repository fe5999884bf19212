import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf, WorkError } from './errors.ts';

/** How often the owner of a claim says that it still works … */
const REFRESH_MS = 5_000;
/** … and after what silence nobody does: a thread ended by force leaves its process, and so its pid, alive. */
const SILENCE_MS = 120_000;

const Content = z.object({ pid: z.int().min(1), token: z.string().max(64) });
type Content = z.infer<typeof Content>;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** What a claim's file says; null for a file that is gone, or that a crash left half-written. */
async function contentOf(path: string): Promise<Content | null> {
  try {
    return Content.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

/** The process that holds a claim: null where nobody does, or its owner is dead or silent. */
export async function claimant(path: string): Promise<number | null> {
  const age = Date.now() - ((await stat(path).catch(() => null))?.mtimeMs ?? -Infinity);
  if (age > SILENCE_MS) return null;
  const content = await contentOf(path);
  // A file that says nothing yet was made a moment ago, and is about to.
  if (content === null) return age < REFRESH_MS ? 0 : null;
  return isRunning(content.pid) ? content.pid : null;
}

/**
 * A file that says "in use by process N" while something is written or read, kept fresh until it is disposed. One that a dead process
 * left is taken over.
 */
export class Claim implements AsyncDisposable {
  readonly path: string;
  readonly #token: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(path: string, token: string) {
    this.path = path;
    this.#token = token;
    this.#timer = setInterval(() => {
      const now = new Date();
      void utimes(path, now, now).catch(() => undefined);
    }, REFRESH_MS).unref();
  }

  /** @returns the claim, or the process that has it */
  static async take(path: string): Promise<Claim | { readonly heldBy: number }> {
    const token = randomUUID();
    for (;;) {
      if (await create(path, { pid: process.pid, token })) return new Claim(path, token);
      const owner = await claimant(path);
      if (owner !== null) return { heldBy: owner };
      await moveAway(path);
    }
  }

  /** Whether the claim still stands: a process that was suspended for minutes may have lost it to another. */
  async stands(): Promise<boolean> {
    return (await contentOf(this.path))?.token === this.#token;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    if (await this.stands()) await rm(this.path, { force: true });
  }
}

/** @returns false where the file exists */
async function create(path: string, content: Content): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(JSON.stringify(content));
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new WorkError(`could not write ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Of several that find the same dead claim, one renames it; the others find it gone. */
async function moveAway(path: string): Promise<void> {
  const aside = `${path}.${randomUUID()}.tmp`;
  await rename(path, aside).catch(() => undefined);
  await rm(aside, { force: true });
}
