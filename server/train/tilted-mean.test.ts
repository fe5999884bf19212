import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TiltedMean, tiltLosses } from './tilted-mean.ts';

const someLosses = fc
  .array(fc.double({ min: 1e-6, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 40 })
  .map((values) => Float64Array.from(values));
const someTilt = fc.oneof(
  fc.constant(0),
  fc.double({ min: -12, max: 12, noNaN: true }).map((exponent) => 10 ** exponent),
);

const within = (got: number, want: number, tolerance: number): void => {
  expect(Math.abs(got - want)).toBeLessThanOrEqual(tolerance * Math.max(Math.abs(want), 1e-300));
};

describe('a tilted mean', () => {
  it("of a batch in any pieces, merged in any order, is the whole batch's, and so are its weights", () => {
    const pieces = fc.array(fc.nat({ max: 3 }), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(someLosses, someTilt, pieces, fc.boolean(), (losses, t, pieceOf, reversed) => {
        const means = [0, 1, 2, 3].map(() => new TiltedMean(t));
        losses.forEach((loss, i) => {
          means[pieceOf[i]!]!.add(loss);
        });
        const merged = new TiltedMean(t);
        for (const mean of reversed ? means.toReversed() : means) merged.merge(mean);
        const whole = tiltLosses(losses, t);
        within(merged.value, whole.value, 1e-13);
        losses.forEach((loss, i) => {
          within(merged.weight(loss), whole.weights[i]!, 1e-12);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('keeps every digit where the tilt is tiny and where it overflows', () => {
    const losses = Float64Array.from([1, 2, 4]);
    // R = mean + t Var/2 + O(t²): 7/3 + t · (14/9)/2
    within(tiltLosses(losses, 1e-13).value, 7 / 3 + (1e-13 * 7) / 9, 1e-15);
    within(tiltLosses(losses, 5e-324).value, 7 / 3, 1e-15);
    expect((tiltLosses(losses, 1e-6).value - 7 / 3) / 1e-6).toBeCloseTo(7 / 9, 5);
    within(tiltLosses(losses, 1e300).value, 4, 1e-15);
    expect([...tiltLosses(losses, 1e300).weights]).toEqual([0, 0, 1]);
  });

  it('of losses with masses is that of each loss as often as its mass says', () => {
    const mean = new TiltedMean(0.7);
    mean.add(1, 3);
    mean.add(2);
    const repeated = tiltLosses(Float64Array.from([1, 1, 1, 2]), 0.7);
    within(mean.value, repeated.value, 1e-15);
    within(mean.weight(1, 3), 3 * repeated.weights[0]!, 1e-15);
  });

  it('of what is not finite is not finite', () => {
    expect(tiltLosses(Float64Array.from([1, NaN]), 1).value).toBeNaN();
    expect(Number.isFinite(tiltLosses(Float64Array.from([1, Infinity, 2]), 1).value)).toBe(false);
    expect(Number.isFinite(tiltLosses(Float64Array.from([1, Infinity, 2]), 0).value)).toBe(false);
  });
});
