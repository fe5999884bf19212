import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Claim } from '../foundation/claim.ts';
import { IN_USE } from '../model/activation-cache.ts';
import { clearCaches } from './caches.ts';

let cache = '';
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'ssae-caches-'));
});
afterEach(() => rm(cache, { recursive: true, force: true }));

async function file(path: string, bytes: number): Promise<string> {
  await mkdir(join(cache, path, '..'), { recursive: true });
  await writeFile(join(cache, path), new Uint8Array(bytes));
  return join(cache, path);
}

const left = async (): Promise<string[]> => (await readdir(cache, { recursive: true })).sort();

it('clearing caches frees everything in them and says how many bytes that was', async () => {
  await file('activations/a/00000.safetensors', 1000);
  await file('features/b/index.safetensors', 200);
  await file('model-hashes/c', 30);
  expect(await clearCaches(cache)).toEqual({ bytes: 1230 });
  expect(await left()).toEqual([]);
  expect(await clearCaches(cache)).toEqual({ bytes: 0 });
  expect(await clearCaches(join(cache, 'nowhere'))).toEqual({ bytes: 0 });
});

it('clearing caches leaves what a run reads and what is being written, but not what a crash left of either', async () => {
  await file('activations/read/00000.safetensors', 1000);
  await using claim = (await Claim.take(join(cache, 'activations', 'read', `x${IN_USE}`))) as Claim;
  const dead = await file(`activations/dead/x${IN_USE}`, 0);
  await writeFile(dead, JSON.stringify({ pid: 0x7ffffff0, token: 'x' }));
  await file('activations/dead/00000.safetensors', 500);
  await file('features/b/.0a.tmp', 200);
  const crashed = await file('features/c/.0b.tmp', 70);
  const yesterday = new Date(Date.now() - 86_400_000);
  await utimes(crashed, yesterday, yesterday);
  const freed = (await clearCaches(cache)).bytes;
  expect(freed).toBeGreaterThanOrEqual(570);
  expect(freed).toBeLessThan(700);
  expect((await left()).filter((path) => /\.[\w-]+$/.test(path))).toEqual([
    join('activations', 'read', '00000.safetensors'),
    join('activations', 'read', `x${IN_USE}`),
    join('features', 'b', '.0a.tmp'),
  ]);
  await claim[Symbol.asyncDispose]();
  expect((await clearCaches(cache)).bytes).toBe(1000);
});
