import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CharacterModel } from '../../test/character-model.ts';
import { sha256OfFile } from '../foundation/hash.ts';
import { unwatched } from '../foundation/progress.ts';
import { SafetensorsFile } from '../foundation/safetensors.ts';
import { shardState, type HarvestDescription } from '../foundation/shard-manifest.ts';
import { sequencesOfText } from './sequences.ts';
import { writeShard } from './shard-writer.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-shard-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const model = new CharacterModel(5);

function harvestOf(dtype: HarvestDescription['dtype']): HarvestDescription {
  return {
    model: { name: 'characters', contentHash: 'characters' },
    ...{ hookPoint: 'here', dIn: 4, dtype, window: { contextLength: 5 }, parts: 2 },
    text: { kind: 'selection', name: 's', contentHash: 'text', tokens: 9 },
  };
}

const sequences = ['abcabc', 'ccb'].flatMap((text, i) =>
  sequencesOfText(model.encode(text), 5).map((sequence) => ({ key: `text ${i}`, ...sequence })),
);

/** A model whose row of the second text's last letter holds this. */
class SpoiltModel extends CharacterModel {
  readonly #value: number;

  constructor(value: number) {
    super(5);
    this.#value = value;
  }

  override async activations(...given: Parameters<CharacterModel['activations']>): Promise<Float32Array[]> {
    const all = await super.activations(...given);
    const last = all.at(-1)!;
    last[last.length - 2] = this.#value;
    return all;
  }
}

describe('a shard', () => {
  it('holds the rows of its sequences, special tokens left out, and a manifest that says what they are', async () => {
    const told: number[] = [];
    const shard = { folder, harvest: harvestOf('float16'), part: 1, sequences };
    const manifest = await writeShard(shard, model, unwatched, (rows) => told.push(rows));
    const path = join(folder, 'part-00001-of-00002.safetensors');
    expect(manifest).toMatchObject({ part: 1, rows: 9, contentHash: await sha256OfFile(path) });
    expect(manifest.sequences).toEqual([
      { key: 'text 0', rows: 4 },
      { key: 'text 0', rows: 2 },
      { key: 'text 1', rows: 3 },
    ]);
    expect(await shardState(folder, 1, 2)).toEqual({ kind: 'whole', manifest });
    expect(told.reduce((sum, rows) => sum + rows)).toBe(9);
    await using file = await SafetensorsFile.open(path);
    expect(file.entry('activations')).toMatchObject({ dtype: 'F16', shape: [9, 4] });
    const rows = await file.float32('activations');
    const largest = Array.from({ length: 9 }, (_, row) => Math.max(...rows.subarray(4 * row, 4 * row + 4)));
    expect(largest).toEqual([1, 2, 3, 1, 2, 3, 3, 3, 2]);
  });

  it.each([
    ['float32', NaN, /row 8 of part-00000-of-00002\.safetensors \(text text 1\) holds a value that is not finite/],
    ['float32', -Infinity, /row 8 of .* not finite/],
    ['float16', 70000, /row 8 of .* holds 7\.000e\+4, above the largest float16 number, 65504; use --dtype float32/],
  ] as const)(
    'of %s with %d in it is refused with row and text, and nothing of it stays',
    async (dtype, value, message) => {
      const shard = { folder, harvest: harvestOf(dtype), part: 0, sequences };
      await expect(writeShard(shard, new SpoiltModel(value), unwatched, () => undefined)).rejects.toThrow(message);
      expect(await readdir(folder)).toEqual([]);
    },
  );

  it('of float32 takes what float16 cannot', async () => {
    const shard = { folder, harvest: harvestOf('float32'), part: 0, sequences };
    await writeShard(shard, new SpoiltModel(70000), unwatched, () => undefined);
    expect((await shardState(folder, 0, 2)).kind).toBe('whole');
  });
});
