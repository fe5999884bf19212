import { describe, expect, it } from 'vitest';
import { weighLosses } from './objective.ts';
import { addTargetL0 } from './target-l0.ts';
import { nextThreshold, thresholdRate } from './threshold-average.ts';

describe('a target for L0', () => {
  const errors = Float64Array.of(1, 2, 3);
  const weighed = weighLosses({ kind: 'erm' }, errors, new Float64Array(3));
  const lossAt = (counts: readonly number[]): number => addTargetL0(weighed, Float64Array.from(counts), 4, 8).loss;

  it('is λ (L0/T − 1)² of the batch', () => {
    expect(lossAt([6, 6, 6])).toBeCloseTo(2 + 8 * 0.25, 12);
    expect(lossAt([2, 6, 4])).toBeCloseTo(2, 12);
  });

  it.each([
    ['too large', [6, 9, 5]],
    ['too small', [1, 2, 0]],
  ])('weighs every token by the derivative where L0 is %s', (_, counts) => {
    const { weights } = addTargetL0(weighed, Float64Array.from(counts), 4, 8);
    const step = 1e-6;
    const moved = counts.map((count, i) => (i === 1 ? count + step : count));
    const slope = (lossAt(moved) - lossAt(counts)) / step;
    weights.sparsity.forEach((weight) => {
      expect(weight).toBeCloseTo(slope, 4);
    });
    expect(weights.reconstruction).toEqual(weighed.weights.reconstruction);
  });
});

describe('the threshold of a batchtopk run', () => {
  it('follows the last twentieth of a short run, 100 steps of a long one', () => {
    expect(thresholdRate(10)).toBe(1);
    expect(thresholdRate(200)).toBe(0.1);
    expect(thresholdRate(1e6)).toBe(0.01);
  });

  it('begins with the first batch that fires and then follows slowly', () => {
    expect(nextThreshold(null, null, 0.01)).toBeNull();
    expect(nextThreshold(null, 2, 0.01)).toBe(2);
    expect(nextThreshold(2, null, 0.01)).toBe(2);
    expect(nextThreshold(2, 3, 0.01)).toBeCloseTo(2.01, 12);
  });
});
