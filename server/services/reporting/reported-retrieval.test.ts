import { describe, expect, it } from 'vitest';
import { wilson } from './reported-retrieval.ts';

describe("Wilson's interval", () => {
  it('is that of scipy.stats.binomtest(k, n).proportion_ci(method="wilson")', () => {
    for (const [k, n, low, high] of [
      [69, 862, 0.063739, 0.100081],
      [0, 876, 0, 0.004366],
    ] as const) {
      const interval = wilson(k, n);
      expect(interval.low).toBeCloseTo(low, 5);
      expect(interval.high).toBeCloseTo(high, 5);
    }
  });

  it('says nothing of nothing', () => {
    expect(wilson(0, 0)).toEqual({ low: 0, high: 1 });
  });
});
