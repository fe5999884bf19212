import { describe, expect, it } from 'vitest';
import { finetuningBatch, passesOf, proposedAmount, stepsOf } from './training-amount.ts';

describe('the amount of finetuning that nobody chose', () => {
  it.each([
    [50_000, 1_000_000, 2048, 489],
    [24_000, 480_000, 2048, 235],
    [5_000, 100_000, 256, 391],
    [1_500, 30_000, 128, 235],
    [3_000_000, 3_000_000, 2048, 1465],
  ])('for %i tokens is %i tokens in batches of %i: %i steps', (selection, tokens, batch, steps) => {
    const amount = proposedAmount(selection);
    expect(amount).toEqual({ tokens, batch });
    expect(stepsOf(amount)).toBe(steps);
  });

  it('is 200 steps or more wherever 20 passes give as much, and never more than 20 passes', () => {
    for (let selection = 1300; selection < 1e7; selection = Math.ceil(1.3 * selection)) {
      const amount = proposedAmount(selection);
      expect(stepsOf(amount)).toBeGreaterThanOrEqual(200);
      expect(passesOf(amount.tokens, selection)).toBeLessThanOrEqual(20);
    }
    expect(passesOf(proposedAmount(10).tokens, 10)).toBe(20);
  });

  it('is in batches that make 200 steps of the tokens that were asked for', () => {
    expect(finetuningBatch(50_000, 60_000)).toBe(256);
    expect(finetuningBatch(1500, 1_000_000)).toBe(128);
    expect(finetuningBatch(5000, 90_000)).toBe(256);
    expect(finetuningBatch(1500, 1000)).toBe(128);
  });
});
