import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../foundation/package-root.ts';
import type { Objective } from '../protocol/requests.ts';
import { tiltRampAt, weighLosses } from './objective.ts';
import { tiltLosses } from './tilted-mean.ts';

interface Golden {
  readonly losses: Readonly<Record<string, readonly number[]>>;
  readonly table: readonly {
    readonly losses: string;
    readonly t: number;
    readonly tau?: number;
    readonly value: number;
    readonly ess: number;
    readonly max_weight: number;
    readonly weights: readonly number[] | null;
  }[];
}
const golden = JSON.parse(readFileSync(join(packageRoot, 'test', 'fixtures', 'train', 'term.json'), 'utf8')) as Golden;

const raw = (t: number): Objective => ({ kind: 'term', tilt: { kind: 'raw', t }, tilts: 'loss' });
const relative = (tau: number): Objective => ({ kind: 'term', tilt: { kind: 'relative', tau }, tilts: 'loss' });
const closeTo = (got: number, want: number): void => {
  expect(Math.abs(got - want)).toBeLessThanOrEqual(1e-12 * Math.max(Math.abs(want), 1e-300));
};

const someLosses = fc
  .array(fc.double({ min: 1e-6, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 40 })
  .map((values) => Float64Array.from(values));

describe('the objective', () => {
  it.each(golden.table)('agrees with 60-digit arithmetic on $losses at t = $t', (row) => {
    const losses = Float64Array.from(golden.losses[row.losses]!);
    const objective = row.tau === undefined ? raw(row.t) : relative(row.tau);
    const { loss, weights, effectiveSampleSize, tilt } = weighLosses(
      objective,
      losses,
      new Float64Array(losses.length),
    );
    closeTo(tilt, row.t);
    closeTo(loss, row.value);
    closeTo(effectiveSampleSize, row.ess);
    closeTo(Math.max(...weights.reconstruction), row.max_weight);
    row.weights?.forEach((weight, i) => {
      expect(Math.abs(weights.reconstruction[i]! - weight)).toBeLessThanOrEqual(1e-12 * row.max_weight);
    });
  });

  it('is between mean and maximum, grows with the tilt, and has weights that sum to one', () => {
    fc.assert(
      fc.property(someLosses, fc.double({ min: 1e-9, max: 1e9, noNaN: true }), (losses, t) => {
        const { value, weights } = tiltLosses(losses, t);
        const maximum = Math.max(...losses);
        const average = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
        expect(value).toBeGreaterThanOrEqual(average * (1 - 1e-12));
        expect(value).toBeLessThanOrEqual(maximum * (1 + 1e-12));
        expect(tiltLosses(losses, 2 * t).value).toBeGreaterThanOrEqual(value * (1 - 1e-12));
        expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
      }),
    );
  });

  it('has weights that are the derivative of its value', () => {
    fc.assert(
      fc.property(someLosses, fc.double({ min: 1e-3, max: 2, noNaN: true }), (losses, tau) => {
        const t = tau / Math.max(...losses);
        const { weights } = tiltLosses(losses, t);
        const step = 1e-5 * Math.max(...losses);
        const up = losses.with(0, losses[0]! + step);
        const down = losses.with(0, losses[0]! - step);
        const slope = (tiltLosses(up, t).value - tiltLosses(down, t).value) / (2 * step);
        expect(Math.abs(slope - weights[0]!)).toBeLessThan(1e-6);
      }),
    );
  });

  it('with a relative tilt gives the same weights whatever the scale of the losses', () => {
    const losses = Float64Array.from([0.1, 0.5, 2, 0.01]);
    const none = new Float64Array(4);
    const small = weighLosses(
      relative(0.7),
      losses.map((loss) => loss / 1024),
      none,
    );
    expect(small.weights.reconstruction).toEqual(weighLosses(relative(0.7), losses, none).weights.reconstruction);
  });

  it('tilts the reconstruction alone when asked, and leaves the penalty a mean', () => {
    const objective: Objective = { kind: 'term', tilt: { kind: 'raw', t: 2 }, tilts: 'reconstruction' };
    const reconstruction = Float64Array.from([1, 2, 3]);
    const { loss, weights } = weighLosses(objective, reconstruction, Float64Array.from([5, 1, 3]));
    expect(loss).toBeCloseTo(tiltLosses(reconstruction, 2).value + 3, 12);
    expect([...weights.sparsity]).toEqual([1 / 3, 1 / 3, 1 / 3]);
    expect(weights.reconstruction).toEqual(tiltLosses(reconstruction, 2).weights);
  });

  it('holds the effective sample size at a share of the batch', () => {
    fc.assert(
      fc.property(someLosses, fc.double({ min: 0.05, max: 1, noNaN: true }), (losses, share) => {
        const distinct = losses.map((loss, i) => loss * (1 + i));
        const objective: Objective = { kind: 'term', tilt: { kind: 'sample_size', share }, tilts: 'loss' };
        const { effectiveSampleSize, weights } = weighLosses(objective, distinct, new Float64Array(losses.length));
        const maximum = Math.max(...distinct);
        const alone = distinct.filter((loss) => loss === maximum).length;
        const wanted = Math.max(share * losses.length, alone);
        expect(Math.abs(effectiveSampleSize / wanted - 1)).toBeLessThan(1e-9);
        expect(weights.reconstruction.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
      }),
      { numRuns: 500 },
    );
  });

  it('tilts more and more during its warm-up, from the plain mean on', () => {
    const objective: Objective = { ...raw(2), warmupSteps: 4 } as Objective;
    expect([0, 1, 3, 4, 9].map((step) => tiltRampAt(objective, step))).toEqual([0, 0.25, 0.75, 1, 1]);
    expect(tiltRampAt(raw(2), 0)).toBe(1);
    const losses = Float64Array.from([1, 2, 3]);
    const none = new Float64Array(3);
    const at = (ramp: number) => weighLosses(objective, losses, none, { ramp, passages: null });
    expect(at(0)).toMatchObject({ loss: 2, tilt: 0 });
    expect(at(0.25)).toEqual(weighLosses(raw(0.5), losses, none));
  });

  it('stays ERM when every loss is zero', () => {
    const zeros = new Float64Array(4);
    expect(weighLosses(relative(1), zeros, zeros)).toMatchObject({ loss: 0, effectiveSampleSize: 4, tilt: 0 });
  });
});
