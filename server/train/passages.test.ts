import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { writeSafetensors } from '../foundation/safetensors.ts';
import { BatchSource } from './batches.ts';
import { Passages } from './passages.ts';

const LENGTHS = [
  [3, 5, 1, 7],
  [4, 0, 6, 2, 9],
] as const;
const D_IN = 2;
const SCALE = { input: 1, output: 1 };

let folder: string;
let data: ActivationFolder;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-passages-'));
  const shards = [];
  for (const [index, lengths] of LENGTHS.entries()) {
    const rows = lengths.reduce<number>((sum, length) => sum + length, 0);
    const path = join(folder, `${index}.safetensors`);
    const values = Float32Array.from({ length: rows * D_IN }, (_, at) => at);
    await writeSafetensors(path, { activations: { dtype: 'F32', shape: [rows, D_IN], data: values } });
    shards.push({ path, rows, sequences: lengths.map((length, i) => ({ key: `${index}:${i}`, rows: length })) });
  }
  data = { dIn: D_IN, rows: 37, contentHash: 'passages', shards };
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** The passage of every row, counted by hand. */
const byRow = LENGTHS.flat()
  .filter((length) => length > 0)
  .flatMap((length, passage) => Array<number>(length).fill(passage));

describe('the passages of a folder', () => {
  it('are its sequences, over all shards, empty ones left out', () => {
    const passages = new Passages(data);
    expect(passages.count).toBe(8);
    expect([...passages.of(Float64Array.from(byRow.keys()))]).toEqual(byRow);
  });

  it('cut ranges of rows into parts of one passage each', () => {
    fc.assert(
      fc.property(fc.nat({ max: 36 }), fc.integer({ min: 1, max: 37 }), (first, rows) => {
        const end = Math.min(37, first + rows);
        const parts = new Passages(data).within([{ first, end }]);
        expect(parts[0]!.first).toBe(first);
        expect(parts.at(-1)!.end).toBe(end);
        parts.forEach((part, i) => {
          expect(new Set(byRow.slice(part.first, part.end)).size).toBe(1);
          if (i > 0) expect(byRow[part.first]).not.toBe(byRow[parts[i - 1]!.end - 1]);
        });
      }),
    );
  });

  it('are refused where nobody said which rows belong together', () => {
    const shards = data.shards.map((shard) => ({ ...shard, sequences: [] }));
    expect(() => new Passages({ ...data, shards })).toThrow(/do not say which rows belong to one passage; train on/);
  });
});

describe('rows that are dealt by passage', () => {
  const all = [{ first: 0, end: 37 }];
  const options = (bufferBytes: number) => ({ seed: 4, bufferBytes, blockRows: 2, passages: new Passages(data) });

  it.each([4 * D_IN * 8, 4 * D_IN * 1000])(
    'are each dealt once an epoch, a passage in one piece (buffer of %i bytes)',
    async (bufferBytes) => {
      const { rows, passages } = await new BatchSource(data, all, options(bufferBytes)).deal(37, SCALE, 1);
      expect([...rows].sort((a, b) => a - b)).toEqual([...byRow.keys()]);
      expect([...passages!]).toEqual([...rows].map((row) => byRow[row]));
      const changes = [...passages!].filter((passage, i) => i > 0 && passage !== passages![i - 1]).length;
      expect(changes).toBe(7);
      expect([...passages!]).not.toEqual(byRow);
    },
  );

  it('go on from a position as if never interrupted', async () => {
    for (const position of [1, 8, 36, 50]) {
      const whole = new BatchSource(data, all, options(64));
      await whole.deal(position, SCALE, 1);
      const resumed = new BatchSource(data, all, options(64));
      await resumed.seek(position);
      expect(await resumed.deal(20, SCALE, 2)).toEqual(await whole.deal(20, SCALE, 2));
    }
  });
});
