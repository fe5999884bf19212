import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { toHalves, writeSafetensors } from '../foundation/safetensors.ts';
import type { ActivationScale } from '../sae/canonical.ts';
import { BatchFeed } from './batch-feed.ts';
import { BatchSource, type Batch } from './batches.ts';

const D_IN = 8;
const options = { seed: 5, bufferBytes: 4 * D_IN * 40, blockRows: 8 };
const training = [{ first: 0, end: 300 }];
const times = (factor: number): ActivationScale => ({ input: factor, output: factor });
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-feed-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Three shards of a hundred rows, row r holding r everywhere. */
async function shardsOf(
  name: string,
  dtype: 'F32' | 'F16',
  spoil?: (values: Float32Array) => void,
): Promise<ActivationFolder> {
  const shards = [];
  for (let shard = 0; shard < 3; shard++) {
    const path = join(folder, `${name}-${shard}.safetensors`);
    const values = Float32Array.from({ length: 100 * D_IN }, (_, at) => 100 * shard + Math.floor(at / D_IN));
    if (shard === 1) spoil?.(values);
    const data = dtype === 'F16' ? toHalves(values) : values;
    await writeSafetensors(path, { activations: { dtype, shape: [100, D_IN], data } });
    shards.push({ path, rows: 100, sequences: [] });
  }
  return { dIn: D_IN, rows: 300, contentHash: name, shards };
}

async function dealt(source: Pick<BatchSource, 'deal'>, batches: number, tokens = 70): Promise<Batch[]> {
  const all = [];
  for (let step = 1; step <= batches; step++) all.push(await source.deal(tokens, times(0.5), step));
  return all;
}

describe('the thread that reads ahead', () => {
  it.each(['F32', 'F16'] as const)('deals what is dealt without it, over several epochs, from %s', async (dtype) => {
    const data = await shardsOf(dtype, dtype);
    await using feed = new BatchFeed(data, training, options);
    const batches = await dealt(feed, 12);
    expect(batches).toEqual(await dealt(new BatchSource(data, training, options), 12));
    expect(batches[0]!.values[0]).toBe(batches[0]!.rows[0]! / 2);
    expect(feed.position).toBe(12 * 70);
  });

  it('deals a transcoder its targets, scaled on their own', async () => {
    const data = { ...(await shardsOf('inputs', 'F32')), targets: await shardsOf('targets', 'F16') };
    await using feed = new BatchFeed(data, training, options);
    const batch = await feed.deal(50, { input: 1, output: 3 }, 1);
    expect(batch).toEqual(await new BatchSource(data, training, options).deal(50, { input: 1, output: 3 }, 1));
    expect(batch.targets?.[0]).toBe(3 * batch.rows[0]!);
  });

  it('goes on from any position, and takes another size of batch as if it had never read ahead', async () => {
    const data = await shardsOf('positions', 'F32');
    const source = new BatchSource(data, training, options);
    await source.deal(210, times(0.5), 1);
    await using feed = new BatchFeed(data, training, options);
    await feed.deal(33, times(1), 1);
    await feed.seek(210);
    expect(await dealt(feed, 2)).toEqual(await dealt(source, 2));
    expect(await feed.deal(9, times(0.5), 3)).toEqual(await source.deal(9, times(0.5), 3));
    expect(await feed.deal(9, times(2), 4)).toEqual(await source.deal(9, times(2), 4));
  });

  it('names row, shard and step of a value that is not finite', async () => {
    const data = await shardsOf('spoilt', 'F16', (values) => (values[42 * D_IN + 3] = NaN));
    await using feed = new BatchFeed(data, training, options);
    await expect(dealt(feed, 6)).rejects.toThrow(
      /row 142 of the activations, dealt to step \d, holds a value that is not finite \(NaN or infinity; row 42 of spoilt-1\.safetensors\)/,
    );
  });

  it('names a shard that is cut short while it is read', async () => {
    const data = await shardsOf('short', 'F32');
    await truncate(data.shards[2]!.path, 1000);
    await using feed = new BatchFeed(data, training, options);
    await expect(dealt(feed, 6)).rejects.toThrow(/short-2\.safetensors/);
  });

  it('ends with the feed', async () => {
    const data = await shardsOf('closed', 'F32');
    const feed = new BatchFeed(data, training, options);
    await feed.deal(64, times(1), 1);
    await feed[Symbol.asyncDispose]();
    await expect(dealt(feed, 2)).rejects.toThrow(/were closed/);
  });
});
