import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { writeSafetensors } from '../foundation/safetensors.ts';
import { BatchSource } from './batches.ts';
import { splitHeldOut, type RowRange } from './held-out-split.ts';

const ONE = { input: 1, output: 1 };
const TWO = { input: 2, output: 2 };

const ROWS = [50, 1, 149];
const D_IN = 3;
/** A few blocks a buffer, so that an epoch takes several. */
const options = { seed: 5, bufferBytes: 4 * D_IN * 40, blockRows: 8 };

let folder: string;
let data: ActivationFolder;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-batches-'));
  let row = 0;
  const shards = [];
  for (const [index, rows] of ROWS.entries()) {
    const path = join(folder, `${index}.safetensors`);
    const values = Float32Array.from({ length: rows * D_IN }, (_, at) => row + Math.floor(at / D_IN));
    await writeSafetensors(path, { activations: { dtype: 'F32', shape: [rows, D_IN], data: values } });
    shards.push({ path, rows, sequences: [] });
    row += rows;
  }
  data = { dIn: D_IN, rows: row, contentHash: 'rows', shards };
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const all: readonly RowRange[] = [{ first: 0, end: 200 }];
const sorted = (values: Iterable<number>): number[] => [...values].sort((a, b) => a - b);

describe('the rows of an epoch', () => {
  it('are each dealt once, in another order each epoch, with the value that stands in their row', async () => {
    const training = [
      { first: 3, end: 90 },
      { first: 120, end: 200 },
    ];
    const source = new BatchSource(data, training, options);
    const epochs = [await source.deal(167, ONE, 1), await source.deal(167, ONE, 2)];
    const expected = training.flatMap(({ first, end }) => Array.from({ length: end - first }, (_, i) => first + i));
    for (const { rows, values } of epochs) {
      expect(sorted(rows)).toEqual(expected);
      expect([...values].filter((_, at) => at % D_IN === 0)).toEqual([...rows]);
    }
    expect(epochs[0]!.rows).not.toEqual(epochs[1]!.rows);
    expect([...epochs[0]!.rows]).not.toEqual(expected);
  });

  it('come with the targets of the same row, each by its own factor', async () => {
    const path = join(folder, 'targets.safetensors');
    const rows = Float32Array.from({ length: 200 }, (_, row) => -row);
    await writeSafetensors(path, { targets: { dtype: 'F32', shape: [200, 1], data: rows } });
    const shards = [{ path, rows: 200, sequences: [] }];
    const targets = { dIn: 1, rows: 200, contentHash: 't', shards, tensor: 'targets' };
    const source = new BatchSource({ ...data, targets }, all, options);
    await source.deal(30, ONE, 1);
    const batch = await source.deal(250, { input: 2, output: 0.5 }, 2);
    expect([...batch.targets!]).toEqual([...batch.rows].map((row) => -row / 2));
    expect([...batch.values].filter((_, at) => at % D_IN === 0)).toEqual([...batch.rows].map((row) => 2 * row));
  });

  it('go on from a position as if never interrupted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 1, max: 90 }), async (position, tokens) => {
        const whole = new BatchSource(data, all, options);
        if (position > 0) await whole.deal(position, ONE, 1);
        const resumed = new BatchSource(data, all, options);
        await resumed.seek(position);
        expect(await resumed.deal(tokens, TWO, 2)).toEqual(await whole.deal(tokens, TWO, 2));
        expect(resumed.position).toBe(position + tokens);
      }),
      { numRuns: 20 },
    );
  });

  it('depend on the seed', async () => {
    const one = await new BatchSource(data, all, options).deal(50, ONE, 1);
    const other = await new BatchSource(data, all, { ...options, seed: 6 }).deal(50, ONE, 1);
    expect(one.rows).not.toEqual(other.rows);
  });

  it('that the shards do not hold as promised are refused', async () => {
    const wrong = { ...data, dIn: 4 };
    await expect(new BatchSource(wrong, all, options).deal(8, ONE, 1)).rejects.toThrow(
      /is \[\d+, 3\], expected \[\d+, 4\]/,
    );
    expect(() => new BatchSource({ ...data, rows: 300 }, all, options)).toThrow(/shards hold 200 rows.*says 300/);
  });
});

describe('the held-out rows', () => {
  const sequenced = (keys: readonly string[]): ActivationFolder => ({
    ...{ dIn: D_IN, rows: keys.length * 4, contentHash: 'h' },
    shards: [{ path: 'p', rows: keys.length * 4, sequences: keys.map((key) => ({ key, rows: 4 })) }],
  });
  const keysIn = (keys: readonly string[], ranges: readonly RowRange[]): string[] =>
    ranges.flatMap(({ first, end }) => keys.slice(first / 4, end / 4));

  it('and the rows trained on are everything, and never overlap', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5000 }), fc.double({ min: 0.01, max: 0.9, noNaN: true }), (rows, share) => {
        const split = splitHeldOut(
          { dIn: 1, rows, contentHash: 'x', shards: [{ path: '', rows, sequences: [] }] },
          share,
          1,
        );
        const ranges = [...split.training, ...split.heldOut].sort((a, b) => a.first - b.first);
        expect(ranges[0]!.first).toBe(0);
        expect(ranges.at(-1)!.end).toBe(rows);
        ranges.slice(1).forEach((range, i) => {
          expect(range.first).toBe(ranges[i]!.end);
        });
        expect(split.trainingRows).toBeGreaterThan(0);
        expect(split.heldOutRows).toBeGreaterThan(0);
        expect(split.trainingRows + split.heldOutRows).toBe(rows);
      }),
    );
  });

  it('are whole sequences, equal ones on the same side, whatever else is in the folder', () => {
    const keys = Array.from({ length: 60 }, (_, i) => `text ${i % 40}`);
    const split = splitHeldOut(sequenced(keys), 0.2, 9);
    const heldOut = new Set(keysIn(keys, split.heldOut));
    expect(keysIn(keys, split.training).filter((key) => heldOut.has(key))).toEqual([]);
    const reversed = keys.toReversed();
    const again = splitHeldOut(sequenced(reversed), 0.2, 9);
    expect(new Set(keysIn(reversed, again.heldOut))).toEqual(heldOut);
    expect(again.splitHash).toBe(split.splitHash);
    expect(splitHeldOut(sequenced(keys), 0.2, 10).splitHash).not.toBe(split.splitHash);
  });

  it('are never most of the rows, however the documents are sized', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 99 }), (documents, seed) => {
        const rows = documents.reduce((sum, size) => sum + size, 0);
        const sequences = documents.map((size, i) => ({ key: `text ${i}`, rows: size }));
        const data = { dIn: 1, rows, contentHash: 'h', shards: [{ path: 'p', rows, sequences }] };
        const { heldOutRows, trainingRows } = splitHeldOut(data, 0.1, seed);
        expect(heldOutRows).toBeGreaterThan(0);
        expect(heldOutRows === 2 || heldOutRows <= rows / 2).toBe(true);
        expect(trainingRows).toBe(rows - heldOutRows);
        expect(trainingRows).toBeGreaterThan(0);
      }),
    );
  });

  it('are blocks of rows where there is one document alone', () => {
    const data = sequenced(['only']);
    const { trainingRows, heldOutRows } = splitHeldOut(data, 0.1, 1);
    expect(heldOutRows).toBeGreaterThan(0);
    expect(trainingRows + heldOutRows).toBe(data.rows);
  });

  it('cannot be split off a single row', () => {
    const data = { dIn: 1, rows: 1, contentHash: 'one', shards: [{ path: '', rows: 1, sequences: [] }] };
    expect(() => splitHeldOut(data, 0.1, 1)).toThrow(/1 row; at least 2 are needed/);
  });
});
