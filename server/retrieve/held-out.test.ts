import { describe, expect, it } from 'vitest';
import { passageOf } from '../../test/fixtures/retrieve/memory-corpus.ts';
import { holdOut } from './held-out.ts';

const words = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `w${from + i}`).join(' ');

describe('held-out text', () => {
  it('never repeats what was seen: not as a whole, not 13 words in a row, whatever the case and punctuation', () => {
    const seen = [passageOf(words(0, 40)), passageOf('Short one.')];
    const passages = [
      words(0, 40),
      words(27, 60),
      `x ${words(5, 18).toUpperCase()}!`,
      words(28, 60),
      'short ONE',
      'another',
    ].map((text) => passageOf(text));
    const { kept, dropped } = holdOut(passages, seen);
    expect(kept.map(({ text }) => text)).toEqual([words(28, 60), 'another']);
    expect(dropped).toBe(4);
  });

  it('has one hash for the same passages in any order', () => {
    const passages = ['one', 'two', 'three'].map((text) => passageOf(text));
    expect(holdOut([...passages].reverse(), []).splitHash).toBe(holdOut(passages, []).splitHash);
    expect(holdOut(passages.slice(1), []).splitHash).not.toBe(holdOut(passages, []).splitHash);
  });
});
