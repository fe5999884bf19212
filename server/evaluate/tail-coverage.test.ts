import { describe, expect, it } from 'vitest';
import { FeatureTally } from './feature-tally.ts';
import { coverageByFrequency, coverageCurve, coveredTypes, tailCoverage, tailFirst, tailOf } from './tail-coverage.ts';

/**
 * Ten tokens of types 5 ×5, 6 ×2, 7 ×2, 8 ×1. Feature 0 fires on type 6 twice and, weaker, on type 5; feature 1 on type 7 once (one context is
 * no evidence); feature 2 on everything.
 */
const types = Int32Array.of(5, 5, 5, 5, 5, 6, 6, 7, 7, 8);
const active: readonly (readonly [feature: number, value: number][])[] = [
  [
    [0, 1],
    [2, 9],
  ],
  ...Array.from({ length: 4 }, (): [number, number][] => [[2, 8]]),
  [
    [0, 5],
    [2, 1],
  ],
  [
    [0, 4],
    [2, 1],
  ],
  [
    [1, 3],
    [2, 1],
  ],
  [[2, 1]],
  [[2, 1]],
];

function tally(contexts: number): FeatureTally {
  const result = new FeatureTally(3, contexts);
  const flat = active.flat();
  const offsets = [0];
  for (const token of active) offsets.push(offsets.at(-1)! + token.length);
  result.add(
    {
      offsets: Uint32Array.from(offsets),
      features: Uint32Array.from(flat, ([feature]) => feature),
      values: Float32Array.from(flat, ([, value]) => value),
    },
    types,
  );
  return result;
}

const frequencies = tailFirst(
  new Map([
    [5, 5],
    [6, 2],
    [7, 2],
    [8, 1],
  ]),
);

describe('tail coverage', () => {
  it('gives a type a feature when half of some feature’s strongest contexts are that type', () => {
    expect(coveredTypes(tally(3))).toEqual(new Set([6, 5]));
    expect(coveredTypes(tally(3), { threshold: 0.9, minimumContexts: 2 })).toEqual(new Set([5]));
    expect(coveredTypes(tally(2), { threshold: 1, minimumContexts: 1 })).toEqual(new Set([5, 6, 7]));
  });

  it('orders types tail first and takes as tail those that make at most half of the tokens', () => {
    expect(frequencies.map(({ type }) => type)).toEqual([8, 6, 7, 5]);
    expect(tailOf(frequencies).map(({ type }) => type)).toEqual([8, 6, 7]);
  });

  it('is the share of the tail’s tokens whose type has a feature', () => {
    expect(tailCoverage(tailOf(frequencies), new Set([6, 5]))).toBeCloseTo(2 / 5, 12);
  });

  it('draws recall and allocation over the tokens, tail first', () => {
    expect(coverageCurve(frequencies, new Set([6, 5]))).toEqual([
      { tokens: 0, covered: 0, normalised: 0 },
      { tokens: 0.1, covered: 0, normalised: 0 },
      { tokens: 0.3, covered: 0.2, normalised: 2 / 7 },
      { tokens: 0.5, covered: 0.2, normalised: 2 / 7 },
      { tokens: 1, covered: 0.7, normalised: 1 },
    ]);
  });

  it('gives the share of types with a feature by frequency', () => {
    expect(coverageByFrequency(frequencies, new Set([6, 5]))).toEqual([
      { from: 1, types: 1, covered: 0 },
      { from: 2, types: 2, covered: 0.5 },
      { from: 4, types: 1, covered: 1 },
    ]);
  });
});
