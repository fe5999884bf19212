import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tiltForShare } from './sample-size-tilt.ts';
import { TiltedMean, tiltLosses } from './tilted-mean.ts';

const sampleSize = (losses: Float64Array, t: number): number =>
  1 / tiltLosses(losses, t).weights.reduce((sum, weight) => sum + weight * weight, 0);

const positive = fc.double({ min: 1e-4, max: 100, noNaN: true });

describe('the tilt for an effective sample size', () => {
  it('meets the share, whatever the losses, their scale and their number', () => {
    const share = fc.double({ min: 0.01, max: 0.999999, noNaN: true });
    const scale = fc.integer({ min: -200, max: 200 }).map((exponent) => 2 ** exponent);
    fc.assert(
      fc.property(
        fc.uniqueArray(positive, { minLength: 2, maxLength: 200 }),
        share,
        scale,
        (values, wanted, factor) => {
          const losses = Float64Array.from(values, (value) => value * factor);
          fc.pre(wanted * losses.length > 1.0001);
          const t = tiltForShare(losses, wanted);
          expect(Math.abs(sampleSize(losses, t) / (wanted * losses.length) - 1)).toBeLessThan(1e-9);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('falls as the share grows', () => {
    const losses = Float64Array.from({ length: 500 }, (_, i) => ((i * 7919) % 1000) / 100);
    const tilts = [0.9, 0.5, 0.1, 0.02].map((share) => tiltForShare(losses, share));
    expect(tilts).toEqual(tilts.toSorted((a, b) => a - b));
    expect(tiltForShare(losses, 1)).toBe(0);
  });

  it('of losses with masses meets 1 / Σ w²/p', () => {
    const losses = fc.uniqueArray(positive, { minLength: 3, maxLength: 30 });
    fc.assert(
      fc.property(
        losses,
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 30, maxLength: 30 }),
        (values, sizes) => {
          const masses = Float64Array.from(values, (_, i) => sizes[i]!);
          const total = masses.reduce((sum, mass) => sum + mass, 0);
          const t = tiltForShare(Float64Array.from(values), 0.8, masses);
          const mean = new TiltedMean(t);
          values.forEach((loss, i) => {
            mean.add(loss, masses[i]);
          });
          const spread = values.reduce(
            (sum, loss, i) => sum + (mean.weight(loss, masses[i]) ** 2 * total) / masses[i]!,
            0,
          );
          const largest = masses[values.indexOf(Math.max(...values))]! / total;
          expect(Math.abs(1 / spread / Math.max(0.8, largest) - 1)).toBeLessThan(1e-9);
        },
      ),
    );
  });

  it('leaves the largest losses alone where no tilt gets to so few', () => {
    const losses = Float64Array.from([3, 1, 3, 2]);
    const t = tiltForShare(losses, 0.3);
    expect(Number.isFinite(t)).toBe(true);
    expect([...tiltLosses(losses, t).weights]).toEqual([0.5, 0, 0.5, 0]);
  });

  it('is none where all losses are equal, or some are not finite', () => {
    expect(tiltForShare(new Float64Array(5).fill(2), 0.5)).toBe(0);
    expect(tiltForShare(Float64Array.from([1, NaN, 2]), 0.5)).toBe(0);
    expect(tiltForShare(Float64Array.from([1, Infinity]), 0.5)).toBe(0);
  });
});
