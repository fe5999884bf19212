import { describe, expect, it } from 'vitest';
import { change, effect, type Measured } from './verdict-words.ts';

function measured(low: number | null, high: number | null, documents: number): Measured {
  const metric = { value: 0.9, baseline: 0.8, difference: 0.1, low, high, formula: '' };
  return {
    metrics: { explained_variance: metric },
    n: { tokens: 100, documents },
  };
}

describe('a change in a verdict', () => {
  it('has its interval', () => {
    expect(change(measured(0.05, 0.15, 20))).toBe('+0.1000 [+0.0500, +0.1500]');
    expect(effect([measured(0.05, 0.15, 20)])).toBe('helped');
  });

  it('says why it has none', () => {
    expect(change(measured(null, null, 1))).toBe('+0.1000 [n = 1 document: no interval]');
    expect(change(measured(null, null, 20))).toBe('+0.1000 [no interval: most draws give no finite value]');
    expect(effect([measured(null, null, 1)])).toContain('no difference that this much text can show');
  });
});
