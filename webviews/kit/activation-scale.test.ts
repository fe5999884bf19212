import { describe, expect, it } from 'vitest';
import { paintOf, PAINTS, paintShare } from './activation-scale.ts';

describe('paint of an activation', () => {
  it('lets weak ones be seen on the logarithmic scale', () => {
    expect(paintShare(1, 1, 'log')).toBeCloseTo(1);
    expect(paintShare(1 / 9, 1, 'log')).toBeCloseTo(Math.log10(2));
    expect(paintShare(0.25, 1, 'linear')).toBe(0.25);
    expect(paintOf(0.2, 1, 'log')).toBeGreaterThan(paintOf(0.2, 1, 'linear'));
  });

  it('has steps for what fires only, and none beyond the strongest', () => {
    expect([0, -1, NaN].map((value) => paintOf(value, 1, 'log'))).toEqual([0, 0, 0]);
    expect(paintOf(1e-6, 1, 'log')).toBe(1);
    expect(paintOf(7, 1, 'log')).toBe(PAINTS);
    expect(paintOf(1, 0, 'linear')).toBe(0);
  });
});
