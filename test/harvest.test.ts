import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../server/foundation/hash.ts';
import { packageRoot, shippedFile } from '../server/foundation/package-root.ts';
import { Random } from '../server/foundation/random.ts';
import type { HarvestResult } from '../server/protocol/results.ts';
import { SelectionStore } from '../server/retrieve/selection-store.ts';
import { openActivationShards } from '../server/train/activation-shards.ts';
import { BatchFeed } from '../server/train/batch-feed.ts';
import { splitHeldOut } from '../server/train/held-out-split.ts';

/** The built command line in processes of its own, as an array job starts it. */
const folder = mkdtempSync(join(tmpdir(), 'ssae-harvest-'));
const program = shippedFile('dist', 'server', 'cli.js');
const environment = { ...process.env, SSAE_HOME: join(folder, 'home'), NO_COLOR: '1' };
const at = (name: string): string => join(folder, name);
const MODEL = join(packageRoot, 'test', 'fixtures', 'models', 'gpt2');
const HOOK = 'blocks.1.hook_resid_post';
const UNSCALED = { input: 1, output: 1 };
const PASSAGES = 1200;
const TOKENS = 60;

function words(output: string, ...more: readonly string[]): string[] {
  const source = ['--model', MODEL, '--hook', HOOK, '--selection', at('selection')];
  return [program, 'harvest', ...source, '-o', at(output), '--threads', '1', '--quiet', '--json', ...more];
}

function harvest(
  output: string,
  ...more: readonly string[]
): { status: number | null; result: HarvestResult; stderr: string } {
  const ran = spawnSync(process.execPath, words(output, ...more), { env: environment, encoding: 'utf8' });
  const result = (ran.status === 0 ? JSON.parse(ran.stdout) : null) as HarvestResult;
  return { status: ran.status, result, stderr: ran.stderr };
}

const ended = (child: ChildProcess): Promise<unknown> => new Promise((settle) => child.once('exit', settle));

const shardFiles = (name: string): string[] =>
  readdirSync(at(name))
    .filter((file) => file.startsWith('part-'))
    .sort();

/** Hash of the first batches that training on a folder would read, two epochs of them. */
async function trainingInput(name: string): Promise<string> {
  const { data } = await openActivationShards(at(name));
  const { training, trainingRows } = splitHeldOut(data, 0.1, 3);
  await using feed = new BatchFeed(data, training, { seed: 3, bufferBytes: 1 << 20 });
  const hash = createHash('sha256');
  for (let step = 0; step * 512 < 2 * trainingRows; step++) {
    const { rows, values } = await feed.deal(512, UNSCALED, step);
    hash.update(rows).update(values);
  }
  return hash.digest('hex');
}

beforeAll(async () => {
  const random = new Random(1);
  const noun = (): string => ['velocity', 'mass', 'charge', 'of', 'the', 'body', 'is', 'a', 'force'][random.below(9)]!;
  const hits = Array.from({ length: PASSAGES }, (_, rank) => {
    const text = Array.from({ length: TOKENS }, noun).join(' ');
    const provenance = { source: 'made', document: `text ${rank}`, start: 0, end: text.length, line: null };
    const passage = {
      id: sha256(text).slice(0, 16),
      text,
      tokens: TOKENS,
      contentHash: sha256(text),
      provenance,
      fields: {},
    };
    return { rank: rank + 1, score: 1, passage };
  });
  await new SelectionStore(at('home')).save(
    at('selection'),
    {
      arm: 'random',
      corpus: 'made',
      seedSet: 's',
      hits,
      tokens: PASSAGES * TOKENS,
      overlapDropped: 0,
      note: null,
      seconds: 0,
    },
    {
      config: {
        arm: 'random',
        corpus: 'made',
        seeds: 's',
        tokens: 1,
        candidates: 1,
        seed: 0,
        dictionary: null,
        pinned: [],
        struck: [],
      },
      inputs: { corpus: 'c', seeds: 's', embedder: null, dictionary: null },
    },
  );
  const { status, stderr, result } = harvest('whole');
  expect(status, stderr).toBe(0);
  expect(result.parts).toEqual({ total: 35, mine: 35, kept: 0, missing: 0 });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a harvest by several processes', () => {
  it('of which one is killed half way and run again gives the files and the training input of one process', async () => {
    const [first, killed, third] = ['1/3', '2/3', '3/3'].map((shard) =>
      spawn(process.execPath, words('shared', '--shard', shard), { env: environment, stdio: 'ignore' }),
    );
    const all = Promise.all([first!, killed!, third!].map(ended));
    while (!existsSync(at('shared/part-00004-of-00035.json')) && killed!.exitCode === null) await sleep(1);
    killed!.kill('SIGKILL');
    await all;
    await expect(openActivationShards(at('shared'))).rejects.toThrow(
      /shards are missing: part-\d{5}-of-00035\.safetensors.*run the same ssae harvest again/,
    );
    const { result } = harvest('shared', '--shard', '2/3');
    expect(result.parts.kept).toBeGreaterThan(0);
    expect(result.parts).toMatchObject({ total: 35, mine: 12, missing: 0 });
    expect(shardFiles('shared')).toEqual(shardFiles('whole'));
    for (const name of shardFiles('whole'))
      expect(readFileSync(at(`shared/${name}`)).equals(readFileSync(at(`whole/${name}`))), name).toBe(true);
    expect(await trainingInput('shared')).toBe(await trainingInput('whole'));
  });

  it('merges from folders of their own, whatever was written first', async () => {
    for (const shard of ['2/2', '1/2']) expect(harvest(`half-${shard.slice(0, 1)}`, '--shard', shard).status).toBe(0);
    for (const half of ['half-1', 'half-2']) cpSync(at(half), at('merged'), { recursive: true });
    expect(await trainingInput('merged')).toBe(await trainingInput('whole'));
  });

  it('keeps what is whole and writes anew what is cut short', async () => {
    cpSync(at('whole'), at('cut'), { recursive: true });
    truncateSync(at('cut/part-00007-of-00035.safetensors'), 100);
    await expect(openActivationShards(at('cut'))).rejects.toThrow(
      /1 of 35 shards are damaged: part-00007-of-00035\.safetensors \(it is cut short: 100 bytes.*run the same ssae harvest again/,
    );
    expect(harvest('cut').result.parts).toEqual({ total: 35, mine: 35, kept: 34, missing: 0 });
    expect(await trainingInput('cut')).toBe(await trainingInput('whole'));
  });

  it('refuses a folder of another harvest, and training refuses a mixture, naming shard and difference', async () => {
    const { status, stderr } = harvest('whole', '--dtype', 'float16');
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /holds shards of another harvest \(part-00000-of-00035\.json: type: float32 there, float16 here\)/,
    );
    expect(harvest('half-precision', '--dtype', 'float16').status).toBe(0);
    cpSync(at('whole'), at('mixed'), { recursive: true });
    for (const ending of ['safetensors', 'json'])
      cpSync(at(`half-precision/part-00003-of-00035.${ending}`), at(`mixed/part-00003-of-00035.${ending}`));
    await expect(openActivationShards(at('mixed'))).rejects.toThrow(
      /part-00003-of-00035\.safetensors does not go with part-00000-of-00035\.safetensors \(type: float32 there, float16 here\)/,
    );
    renameSync(at('mixed/part-00004-of-00035.json'), at('mixed/part-00004-of-00036.json'));
    await expect(openActivationShards(at('mixed'))).rejects.toThrow(/holds shards of different harvests/);
  });

  it('in float16 differs from float32 by rounding alone', async () => {
    const read = async (name: string): Promise<Float32Array> => {
      const { data } = await openActivationShards(at(name));
      await using feed = new BatchFeed(data, [{ first: 0, end: data.rows }], { seed: 1 });
      return (await feed.deal(1000, UNSCALED, 1)).values;
    };
    const [whole, half] = [await read('whole'), await read('half-precision')];
    expect(half).not.toEqual(whole);
    whole.forEach((value, i) => {
      expect(Math.abs(value - half[i]!)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -11 + 2 ** -25);
    });
  });
});
