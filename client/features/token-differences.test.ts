import { describe, expect, it } from 'vitest';
import { strongestDifferences, summarise } from './token-differences.ts';

const tokens = [0.5, -3, 0, 2].map((difference, i) => ({ from: i, to: i + 1, difference }));

describe('differences between dictionaries', () => {
  it('are listed by size, whatever their sign, without tokens that are equal', () => {
    expect(strongestDifferences(tokens).map(({ difference }) => difference)).toEqual([-3, 2, 0.5]);
  });

  it('are summed up: tokens, how many are better, mean', () => {
    expect(summarise(tokens)).toEqual({ tokens: 4, better: 2, mean: -0.125 });
    expect(summarise([])).toEqual({ tokens: 0, better: 0, mean: 0 });
  });
});
