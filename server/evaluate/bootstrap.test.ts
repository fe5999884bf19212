import { describe, expect, it } from 'vitest';
import { Random } from '../foundation/random.ts';
import { bootstrapIntervals } from './bootstrap.ts';

const ratio = (total: Float64Array): number => total[0]! / total[1]!;

/** Documents of uneven length whose tokens have mean 3; sums of value and of tokens. */
function documents(count: number, random: Random): Float64Array {
  const rows = new Float64Array(count * 2);
  for (let i = 0; i < count; i++) {
    const tokens = 5 + random.below(20);
    rows[2 * i] = tokens * (3 + random.normal());
    rows[2 * i + 1] = tokens;
  }
  return rows;
}

describe('the bootstrap over documents', () => {
  it('covers the true ratio of sums in about 95 of 100 samples', async () => {
    const random = new Random(7);
    let covered = 0;
    for (let sample = 0; sample < 200; sample++) {
      const [interval] = await bootstrapIntervals(documents(60, random), 2, [ratio], random, 300);
      if (interval!.low! <= 3 && interval!.high! >= 3) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(180);
    expect(covered).toBeLessThanOrEqual(198);
  });

  it('is paired: what two columns share does not widen the interval of their difference', async () => {
    const random = new Random(1);
    const rows = new Float64Array(50 * 3);
    for (let i = 0; i < 50; i++) {
      const shared = 100 * random.normal();
      rows.set([shared + 1 + 0.01 * random.normal(), shared, 1], 3 * i);
    }
    const difference = (total: Float64Array): number => (total[0]! - total[1]!) / total[2]!;
    const alone = (total: Float64Array): number => total[0]! / total[2]!;
    const [paired, single] = await bootstrapIntervals(rows, 3, [difference, alone], random);
    expect(paired!.high! - paired!.low!).toBeLessThan(0.02);
    expect(single!.high! - single!.low!).toBeGreaterThan(10);
    expect(paired!.low!).toBeLessThan(1);
    expect(paired!.high!).toBeGreaterThan(0.99);
  });

  it('gives the same interval for the same seed', async () => {
    const rows = documents(20, new Random(3));
    const once = await bootstrapIntervals(rows, 2, [ratio], new Random(4));
    expect(await bootstrapIntervals(rows, 2, [ratio], new Random(4))).toEqual(once);
  });

  it('knows nothing from one document, or where the statistic is not finite', async () => {
    const unknown = { low: null, high: null };
    expect(await bootstrapIntervals(Float64Array.of(1, 2), 2, [ratio], new Random(0))).toEqual([unknown]);
    expect(await bootstrapIntervals(Float64Array.of(1, 0, 2, 0), 2, [ratio], new Random(0))).toEqual([unknown]);
  });
});
