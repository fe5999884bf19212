import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { joined } from './training-histories.ts';
import { isForgotten, latestAttempt, type StoredPoint, TrainingPoints } from './training-points.ts';

const folder = mkdtempSync(join(tmpdir(), 'ssae-points-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const point = (step: number, loss = 1 / step): StoredPoint => ({
  ...{ step, loss, effectiveSampleSize: 8, l0: 3, explainedVariance: step % 2 === 0 ? null : 0.5, deadShare: null },
});
const stepsOf = (points: readonly StoredPoint[]): number[] => points.map(({ step }) => step);

describe('points of a training job', () => {
  it('are read back as they were told, by another daemon too, without a torn last record', async () => {
    const first = new TrainingPoints(folder, 'a');
    await Promise.all([1, 2, 3].map((step) => first.append(point(step))));
    expect(await first.read()).toEqual([1, 2, 3].map((step) => point(step)));
    await appendFile(first.path, 'half a record');
    const second = new TrainingPoints(folder, 'a');
    expect(stepsOf(await second.read())).toEqual([1, 2, 3]);
    await second.append(point(4));
    expect(stepsOf(await second.read())).toEqual([1, 2, 3, 4]);
  });

  it('keep what only some runs have', async () => {
    const points = new TrainingPoints(folder, 'd');
    const told = [point(1), { ...point(2), tilt: 3 }, { ...point(3), divergence: 0.25, batch: 64 }];
    for (const each of told) await points.append(each);
    expect(await points.read()).toEqual(told);
  });

  it('are forgotten with their job, and where their records are of another width', () => {
    const file = basename(new TrainingPoints(folder, 'job').path);
    expect(isForgotten(file, (job) => job === 'job')).toBe(false);
    expect(isForgotten(file, () => false)).toBe(true);
    for (const old of ['job.points', 'job.tilt-points', 'job.points-3'])
      expect(isForgotten(old, () => true)).toBe(true);
    for (const other of ['job.json', 'job.jsonl', 'points']) expect(isForgotten(other, () => false)).toBe(false);
  });

  it('of a resumed run take the place of those after its checkpoint', async () => {
    const points = new TrainingPoints(folder, 'b');
    for (const step of [10, 20, 30, 40]) await points.append(point(step, 1));
    for (const step of [25, 35]) await points.append(point(step, 2));
    expect((await points.read()).map(({ step, loss }) => [step, loss])).toEqual([
      [10, 1],
      [20, 1],
      [25, 2],
      [35, 2],
    ]);
    expect(latestAttempt([point(5), point(5, 9)])).toEqual([point(5, 9)]);
  });

  it('stay bounded and even however long the run is', async () => {
    const points = new TrainingPoints(folder, 'c', 64);
    for (let step = 1; step <= 2000; step++) await points.append(point(step));
    const kept = stepsOf(await points.read());
    expect(statSync(points.path).size).toBeLessThanOrEqual(65 * 72);
    expect(kept[0]).toBe(1);
    expect(kept.at(-1)).toBeGreaterThan(1900);
    const gaps = kept.slice(1).map((step, index) => step - kept[index]!);
    expect(Math.max(...gaps)).toBeLessThan(2000 / 12);
  });

  it('are not read from a file that no daemon wrote', async () => {
    const points = new TrainingPoints(folder, 'd', 4);
    await writeFile(points.path, Buffer.alloc(56 * 100));
    expect(await points.read()).toEqual([]);
  });

  it('are joined with the dictionary’s own history only when both are of the same run', () => {
    const own = [1, 2, 3, 4].map((step) => point(step));
    expect(stepsOf(joined([point(2), point(4)], own))).toEqual([1, 2, 3, 4]);
    expect(stepsOf(joined([point(2, 7), point(4)], own))).toEqual([2, 4]);
    expect(stepsOf(joined([point(9)], own))).toEqual([9]);
    expect(stepsOf(joined([], own))).toEqual([1, 2, 3, 4]);
  });
});
