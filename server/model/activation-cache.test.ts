import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { Home } from '../foundation/home.ts';
import { shippedFile } from '../foundation/package-root.ts';
import { unwatched, type JobControl } from '../foundation/progress.ts';
import { SafetensorsFile } from '../foundation/safetensors.ts';
import { ActivationCache, type HarvestSource } from './activation-cache.ts';
import type { LanguageModel } from './language-model.ts';
import { ModelStore } from './model-store.ts';
import { sequencesOfText } from './sequences.ts';

const HOOK_POINT = 'blocks.1.hook_resid_post';
/** Of two texts below. */
const SHARD_BYTES = 2 * 40 * 32 * 4;
const texts = Array.from({ length: 9 }, (_, i) => `The velocity of body ${i} is ${'very '.repeat(i)}great.`);

let folder: string;
let model: LanguageModel;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-cache-'));
  model = await new ModelStore(new Home(folder)).open(shippedFile('test', 'fixtures', 'models', 'gpt2'), 1);
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

let cache: ActivationCache;
beforeEach(async () => {
  cache = new ActivationCache(await mkdtemp(join(folder, 'run-')), SHARD_BYTES);
});
afterEach(() => vi.unstubAllEnvs());

function source(contentHash = 'nine texts'): HarvestSource & { read: number } {
  return {
    ...{ contentHash, tokens: 300, read: 0 },
    *sequences() {
      for (const [i, text] of texts.entries())
        for (const sequence of sequencesOfText(model.encode(text), 64)) {
          this.read += 1;
          yield { key: `text ${i}`, ...sequence };
        }
    },
  };
}

async function rowsOf({ shards, dIn }: ActivationFolder): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (const { path, rows } of shards) {
    await using file = await SafetensorsFile.open(path);
    expect(file.entry('activations').shape).toEqual([rows, dIn]);
    parts.push(await file.float32('activations'));
  }
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

describe('the activation cache', () => {
  it('holds what the model gives for each sequence, in order, in shards of a bounded size', async () => {
    const harvested = await cache.harvest(model, HOOK_POINT, source(), unwatched);
    const sequences = texts.map((text) => Int32Array.from(model.encode(text).ids));
    const expected = (await model.activations(HOOK_POINT, sequences)).flatMap((rows) => [...rows]);
    const actual = await rowsOf(harvested);
    expect(actual.length).toBe(expected.length);
    actual.forEach((value, i) => {
      expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5);
    });
    expect(harvested.shards.length).toBeGreaterThan(3);
    for (const { rows } of harvested.shards) expect(rows * 32 * 4).toBeLessThanOrEqual(SHARD_BYTES);
    const keys = harvested.shards.flatMap((shard) => shard.sequences.map(({ key }) => key));
    expect([...new Set(keys)]).toEqual(texts.map((_, i) => `text ${i}`));
  });

  it('computes nothing twice, and goes on after it was stopped', async () => {
    const run = vi.spyOn(model, 'activations');
    const stop = new AbortController();
    const stopping: JobControl = {
      signal: stop.signal,
      report: ({ done }) => {
        if (done > 60) stop.abort();
      },
    };
    await expect(cache.harvest(model, HOOK_POINT, source(), stopping)).rejects.toThrow(/goes on from there/);
    const before = run.mock.calls.length;
    const resumed = await cache.harvest(model, HOOK_POINT, source(), unwatched);
    const after = run.mock.calls.length - before;
    expect(before).toBeGreaterThan(0);
    expect(after).toBeLessThan(resumed.shards.length);
    const again = await cache.harvest(model, HOOK_POINT, source(), unwatched);
    expect(run.mock.calls.length).toBe(before + after);
    expect(again).toEqual(resumed);
    run.mockRestore();
  });

  it('makes a shard again that a killed run left without its record, or that holds something else', async () => {
    const whole = await cache.harvest(model, HOOK_POINT, source(), unwatched);
    const values = await rowsOf(whole);
    await rm(`${whole.shards[1]!.path}.json`);
    await writeFile(whole.shards[1]!.path, 'cut off');
    await writeFile(`${whole.shards[2]!.path}.json`, JSON.stringify({ rows: 1, sequences: [{ key: 'x', rows: 1 }] }));
    await writeFile(`${whole.shards[0]!.path}.json`, '{');
    const mended = await cache.harvest(model, HOOK_POINT, source(), unwatched);
    expect(mended).toEqual(whole);
    expect(await rowsOf(mended)).toEqual(values);
  });

  it('tells models, hook points and texts apart', async () => {
    const one = await cache.harvest(model, HOOK_POINT, source(), unwatched);
    const other = await cache.harvest(model, 'blocks.0.hook_resid_post', source(), unwatched);
    const third = await cache.harvest(model, HOOK_POINT, source('other texts'), unwatched);
    expect(new Set([one, other, third].map(({ contentHash }) => contentHash)).size).toBe(3);
  });

  it('can be filled by two at once', async () => {
    const both = await Promise.all([1, 2].map(() => cache.harvest(model, HOOK_POINT, source(), unwatched)));
    expect(both[0]).toEqual(both[1]);
    expect((await rowsOf(both[0]!)).length).toBe(both[0]!.rows * 32);
  });

  it('lets go of what was used longest ago when the limit is reached, and of nothing in use', async () => {
    const path = await mkdtemp(join(folder, 'run-'));
    const limited = new ActivationCache(path, SHARD_BYTES);
    const [old, recent] = [
      await limited.harvest(model, HOOK_POINT, source('old'), unwatched),
      await limited.harvest(model, HOOK_POINT, source('recent'), unwatched),
    ];
    const yesterday = new Date(Date.now() - 86_400_000);
    await utimes(join(path, 'activations', old.contentHash), yesterday, yesterday);
    vi.stubEnv('SSAE_CACHE_BYTES', '1000');
    const next = await limited.harvest(model, HOOK_POINT, source('next'), unwatched);
    expect((await readdir(join(path, 'activations'))).sort()).toEqual([recent.contentHash, next.contentHash].sort());
    vi.stubEnv('SSAE_CACHE_BYTES', 'much');
    await expect(limited.harvest(model, HOOK_POINT, source(), unwatched)).rejects.toThrow(/SSAE_CACHE_BYTES/);
  });
});
