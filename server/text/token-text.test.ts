import { describe, expect, it } from 'vitest';
import { featureText, fenced, percentText, shortLabel, tokenText } from './token-text.ts';

const reading = {
  dictionary: 'physics',
  reconstructionError: 12.3456,
  firing: 32,
  features: [
    { feature: 12, activation: 4, label: 'gluons', density: 0.00031 },
    { feature: 1007, activation: 1, label: null, density: null },
  ],
};

describe('the text of a token', () => {
  it('lists its features with activation, bar, density and label, and the reconstruction error', () => {
    expect(tokenText({ text: ' quark\n', reading, baseline: null }).split('\n')).toEqual([
      '" quark\\n"',
      'physics: 32 features fire, error ‖x − x̂‖² 12.3',
      '#12    4.0  ████████  0.031 %  gluons',
      '#1007  1.0  ██',
    ]);
  });

  it('puts the other dictionary below, and says where nothing fires', () => {
    const baseline = { dictionary: 'general', reconstructionError: 20, firing: 0, features: [] };
    expect(tokenText({ text: 'a', reading, baseline }).split('\n').at(-1)).toBe(
      'general: no feature fires, error ‖x − x̂‖² 20.0',
    );
  });

  it('keeps a label on one line and within its length', () => {
    expect(shortLabel('a\n b', 10)).toBe('a b');
    expect(shortLabel('🙂🙂🙂🙂', 3)).toBe('🙂🙂…');
    expect(featureText({ feature: 3, activation: 0.123, label: 'very long label', density: null }, 6)).toBe(
      '#3 very … 0.12',
    );
    expect(featureText({ feature: 3, activation: 123.4, label: null, density: null }, 6)).toBe('#3 123');
  });

  it('is shown literally as Markdown, whatever fences a label has', () => {
    expect(fenced('a ```` b')).toBe('`````text\na ```` b\n`````');
    expect(fenced('plain')).toBe('```text\nplain\n```');
  });

  it('writes shares as per cent', () => {
    expect([0, 0.000123, 0.5].map(percentText)).toEqual(['0 %', '0.012 %', '50 %']);
  });
});
