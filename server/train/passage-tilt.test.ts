import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Objective } from '../protocol/requests.ts';
import { weighLosses } from './objective.ts';
import { tiltAcross, tiltWithin } from './passage-tilt.ts';
import { tiltForShare } from './sample-size-tilt.ts';
import { tiltLosses } from './tilted-mean.ts';

const someBatch = fc
  .array(fc.tuple(fc.double({ min: 1e-3, max: 50, noNaN: true }), fc.nat({ max: 5 })), { minLength: 1, maxLength: 40 })
  .map((tokens) => ({
    losses: Float64Array.from(tokens, ([loss]) => loss),
    passages: Float64Array.from(tokens, ([, passage]) => passage),
  }));
const someTilt = fc.double({ min: 0, max: 3, noNaN: true });

const close = (got: Float64Array, want: Float64Array): void => {
  got.forEach((value, i) => {
    expect(Math.abs(value - want[i]!)).toBeLessThanOrEqual(1e-12);
  });
};

describe('a tilt in two levels', () => {
  it('is the flat tilt where every passage has one token, whatever the inner tilt', () => {
    fc.assert(
      fc.property(someBatch, someTilt, someTilt, ({ losses }, outer, inner) => {
        const each = tiltWithin(
          losses,
          losses.map((_, i) => 7 * i),
          inner,
        );
        const flat = tiltLosses(losses, outer);
        const { value, weights } = tiltAcross(each, outer);
        expect(Math.abs(value / flat.value - 1)).toBeLessThan(1e-12);
        close(weights, flat.weights);
      }),
    );
  });

  it('is the flat tilt where both tilts are equal, and the mean where both are 0', () => {
    fc.assert(
      fc.property(someBatch, fc.oneof(fc.constant(0), someTilt), ({ losses, passages }, t) => {
        const flat = tiltLosses(losses, t);
        const { value, weights } = tiltAcross(tiltWithin(losses, passages, t), t);
        expect(Math.abs(value / flat.value - 1)).toBeLessThan(1e-12);
        close(weights, flat.weights);
      }),
    );
  });

  it('has weights that sum to 1 and are the derivative of its value', () => {
    fc.assert(
      fc.property(someBatch, someTilt, someTilt, ({ losses, passages }, outer, inner) => {
        const value = (at: Float64Array): number => tiltAcross(tiltWithin(at, passages, inner), outer).value;
        const { weights } = tiltAcross(tiltWithin(losses, passages, inner), outer);
        expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
        const step = 1e-5;
        const slope =
          (value(losses.with(0, losses[0]! + step)) - value(losses.with(0, losses[0]! - step))) / (2 * step);
        expect(Math.abs(slope - weights[0]!)).toBeLessThan(1e-6);
      }),
    );
  });

  it('with mean passages weighs the tokens of one passage alike, and holds the effective sample size', () => {
    const losses = Float64Array.from([1, 3, 2, 8, 9, 4, 4]);
    const passages = Float64Array.from([5, 5, 5, 2, 2, 9, 9]);
    const objective: Objective = {
      ...{ kind: 'term', tilt: { kind: 'sample_size', share: 0.6 }, tilts: 'loss' },
      passages: { inner: { kind: 'raw', t: 0 } },
    };
    const weighed = weighLosses(objective, losses, new Float64Array(7), { ramp: 1, passages });
    const { reconstruction: weights } = weighed.weights;
    expect(new Set(weights.slice(0, 3)).size).toBe(1);
    expect(weights[3]).toBe(weights[4]);
    expect(weights[3]).toBeGreaterThan(weights[5]!);
    expect(Math.abs(weighed.effectiveSampleSize / (0.6 * 7) - 1)).toBeLessThan(1e-9);
    const means = Float64Array.from([2, 8.5, 4]);
    expect(weighed.tilt).toBe(tiltForShare(means, 0.6, Float64Array.from([3, 2, 2])));
  });
});
