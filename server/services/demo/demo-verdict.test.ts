import { describe, expect, it } from 'vitest';
import type { Metric } from '../../protocol/results.ts';
import { wilson } from './demo-retrieval.ts';
import { reading } from './demo-verdict.ts';

const metric = (difference: number, low: number, high: number): Metric => ({
  ...{ value: 1, baseline: 1 - difference, difference, low, high, formula: '' },
});

describe('the reading of a difference', () => {
  it('takes its sign only where the interval excludes 0', () => {
    expect(reading(metric(0.02, 0.01, 0.03))).toBe('better');
    expect(reading(metric(-0.02, -0.03, -0.01))).toBe('worse');
    expect(reading(metric(0.02, -0.01, 0.05))).toBe('no clear difference');
    expect(reading({ ...metric(0.02, 0.01, 0.03), low: null })).toBe('no clear difference');
  });
});

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
