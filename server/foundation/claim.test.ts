import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Claim, claimant } from './claim.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-claim-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** No system hands out this id. */
const DEAD = 0x7ffffff0;

async function take(path: string): Promise<Claim> {
  const claim = await Claim.take(path);
  if (!(claim instanceof Claim)) throw new Error(`held by ${claim.heldBy}`);
  return claim;
}

describe('a claim', () => {
  it('is held by one at a time, and free again once it is given back', async () => {
    const path = join(folder, 'c.lock');
    const claim = await take(path);
    expect(await Claim.take(path)).toEqual({ heldBy: process.pid });
    expect(await claimant(path)).toBe(process.pid);
    await claim[Symbol.asyncDispose]();
    expect(await claimant(path)).toBe(null);
    await using again = await take(path);
    expect(await again.stands()).toBe(true);
    expect(await readdir(folder)).toEqual(['c.lock']);
  });

  it.each([
    ['a process that is dead', { pid: DEAD, token: 'x' }, 0],
    ['a thread that was ended by force minutes ago', { pid: process.pid, token: 'x' }, 600],
    ['a crash while it was written', '', 60],
  ])('of %s is taken over', async (_, content, ageSeconds) => {
    const path = join(folder, 'c.lock');
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    const time = new Date(Date.now() - 1000 * ageSeconds);
    await utimes(path, time, time);
    await using claim = await take(path);
    expect(await claim.stands()).toBe(true);
  });

  it('that was lost says so, and does not give away what another holds', async () => {
    const path = join(folder, 'c.lock');
    const lost = await take(path);
    await rm(path);
    await using winner = await take(path);
    expect(await lost.stands()).toBe(false);
    await lost[Symbol.asyncDispose]();
    expect(await winner.stands()).toBe(true);
  });

  it('is won by one of many that try at once', async () => {
    const path = join(folder, 'c.lock');
    await writeFile(path, JSON.stringify({ pid: DEAD, token: 'x' }));
    const taken = await Promise.all(Array.from({ length: 20 }, () => Claim.take(path)));
    const stands = await Promise.all(taken.map(async (claim) => claim instanceof Claim && (await claim.stands())));
    expect(stands.filter(Boolean)).toHaveLength(1);
    for (const claim of taken) if (claim instanceof Claim) await claim[Symbol.asyncDispose]();
  });
});
