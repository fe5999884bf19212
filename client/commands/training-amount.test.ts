import { describe, expect, it } from 'vitest';
import { passesOf, proposedAmount, stepsOf } from './training-amount.ts';

describe('the amount of finetuning that is offered', () => {
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
      expect(passesOf(amount, selection)).toBeLessThanOrEqual(20);
    }
    expect(passesOf(proposedAmount(10), 10)).toBe(20);
  });
});
