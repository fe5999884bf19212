import { describe, expect, it } from 'vitest';
import { outcomeOf } from './outcome.ts';
import type { Metric } from './results.ts';

const metric = (low: number | null, high: number | null): Metric => ({
  ...{ value: 1, baseline: 0.9, difference: 0.1, low, high, formula: '' },
});

describe('what a difference comes to', () => {
  it('is said only where the interval excludes 0', () => {
    expect(outcomeOf(metric(0.01, 0.03), 'higher')).toBe('better');
    expect(outcomeOf(metric(0.01, 0.03), 'lower')).toBe('worse');
    expect(outcomeOf(metric(-0.03, -0.01), 'higher')).toBe('worse');
    expect(outcomeOf(metric(-0.03, -0.01), null)).toBe('lower');
    expect(outcomeOf(metric(-0.01, 0.05), 'higher')).toBe('unresolved');
  });

  it('is nothing where nothing was compared, drawn or changed', () => {
    expect(outcomeOf(metric(null, null), 'higher')).toBe('none');
    expect(outcomeOf(metric(0, 0), 'higher')).toBe('none');
    expect(outcomeOf({ ...metric(0.01, 0.03), baseline: null }, 'higher')).toBe('none');
  });
});
