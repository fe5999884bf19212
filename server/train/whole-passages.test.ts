import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { UsageError, WorkError } from '../foundation/errors.ts';
import { writeSafetensors } from '../foundation/safetensors.ts';
import { WholePassages } from './whole-passages.ts';

const LENGTHS = [
  [3, 5, 1, 7],
  [4, 0, 6, 2, 9],
] as const;
const D_IN = 2;
const ROWS = 37;
/** First row of each passage, counted by hand. */
const STARTS = [0, 3, 8, 9, 16, 20, 26, 28];
const OPTIONS = { seed: 4, tokens: 12, longest: 6 };

let folder: string;
let data: ActivationFolder;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-whole-'));
  const shards = [];
  let first = 0;
  for (const [index, lengths] of LENGTHS.entries()) {
    const rows = lengths.reduce<number>((sum, length) => sum + length, 0);
    const path = join(folder, `${index}.safetensors`);
    const values = Float32Array.from({ length: rows * D_IN }, (_, at) => first * D_IN + at);
    await writeSafetensors(path, { activations: { dtype: 'F32', shape: [rows, D_IN], data: values } });
    shards.push({ path, rows, sequences: lengths.map((length, i) => ({ key: `${index}:${i}`, rows: length })) });
    first += rows;
  }
  data = { dIn: D_IN, rows: ROWS, contentHash: 'passages', shards };
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('batches of whole passages', () => {
  it('hold so many rows as were asked for, each passage from its first row on and no longer than the model reads', async () => {
    const source = new WholePassages(data, [{ first: 0, end: ROWS }], OPTIONS);
    const begun = new Set<number>();
    for (let batch = 0; batch < 12; batch++) {
      const { values, rows, passages, lengths } = await source.deal(batch);
      expect(rows.length).toBe(12);
      expect([...values]).toEqual([...rows].flatMap((row) => [row * D_IN, row * D_IN + 1]));
      expect(Math.max(...lengths)).toBeLessThanOrEqual(6);
      let at = 0;
      for (const [place, length] of lengths.entries()) {
        begun.add(rows[at]!);
        for (let i = 0; i < length; i++, at++) expect([rows[at], passages[at]]).toEqual([rows[at - i]! + i, place]);
      }
    }
    expect([...begun].sort((a, b) => a - b)).toEqual(STARTS);
  });

  it('follow from the seed and their number alone', async () => {
    const first = new WholePassages(data, [{ first: 0, end: ROWS }], OPTIONS);
    const dealt = [];
    for (let batch = 0; batch < 9; batch++) dealt.push([...(await first.deal(batch)).rows]);
    const resumed = new WholePassages(data, [{ first: 0, end: ROWS }], OPTIONS);
    expect([...(await resumed.deal(7)).rows]).toEqual(dealt[7]);
    expect([...(await resumed.deal(2)).rows]).toEqual(dealt[2]);
    const other = new WholePassages(data, [{ first: 0, end: ROWS }], { ...OPTIONS, seed: 5 });
    expect([...(await other.deal(0)).rows]).not.toEqual(dealt[0]);
  });

  it('leave out passages of which a row is held out', async () => {
    const source = new WholePassages(
      data,
      [
        { first: 3, end: 9 },
        { first: 12, end: 26 },
      ],
      OPTIONS,
    );
    const rows = new Set<number>();
    for (let batch = 0; batch < 6; batch++) for (const row of (await source.deal(batch)).rows) rows.add(row);
    expect([...rows].sort((a, b) => a - b)).toEqual([3, 4, 5, 6, 7, 8, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
  });

  it('are refused of rows without passages, and of passages of which none is whole', () => {
    const unnamed = { ...data, shards: data.shards.map((shard) => ({ ...shard, sequences: [] })) };
    expect(() => new WholePassages(unnamed, [{ first: 0, end: ROWS }], OPTIONS)).toThrow(UsageError);
    expect(() => new WholePassages(data, [{ first: 1, end: 3 }], OPTIONS)).toThrow(WorkError);
  });
});
