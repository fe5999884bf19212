import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { intensity, intensityBucket } from './intensity.ts';

const kinds = fc.constantFrom('linear' as const, 'log' as const);

describe('intensities', () => {
  it('go from 0 at nothing to 1 at the maximum and never fall', () => {
    fc.assert(
      fc.property(
        kinds,
        fc.double({ min: 0, max: 10, noNaN: true }),
        fc.double({ min: 0, max: 10, noNaN: true }),
        (kind, a, b) => {
          const scale = { maximum: 5, kind };
          const [low, high] = [intensity(Math.min(a, b), scale), intensity(Math.max(a, b), scale)];
          expect(low).toBeLessThanOrEqual(high);
          expect(low).toBeGreaterThanOrEqual(0);
          expect(high).toBeLessThanOrEqual(1);
        },
      ),
    );
    for (const kind of ['linear', 'log'] as const) {
      expect(intensity(0, { maximum: 5, kind })).toBe(0);
      expect(intensity(5, { maximum: 5, kind })).toBeCloseTo(1, 12);
      expect(intensity(5, { maximum: 0, kind })).toBe(0);
    }
  });

  it('show weak activations more on the log scale', () => {
    expect(intensity(0.5, { maximum: 5, kind: 'log' })).toBeGreaterThan(intensity(0.5, { maximum: 5, kind: 'linear' }));
  });

  it('fall into buckets of which the lowest is only for nothing', () => {
    expect([0, 1e-9, 0.25, 0.26, 1].map((value) => intensityBucket(value, 4))).toEqual([0, 1, 1, 2, 4]);
  });
});
