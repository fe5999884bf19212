import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NgramSet, ngramsOf } from './ngrams.ts';

const sentence = (words: number, prefix = 'w'): string =>
  Array.from({ length: words }, (_, word) => `${prefix}${word}`).join(' ');

describe('13-grams', () => {
  it('are one a place for a long text, and the whole sequence for a short one', () => {
    expect(ngramsOf(sentence(20))).toHaveLength(8);
    expect(ngramsOf(sentence(13))).toHaveLength(1);
    expect(ngramsOf('two words')).toHaveLength(1);
    expect(ngramsOf(' … !')).toHaveLength(0);
  });

  it('do not depend on case, punctuation or compatibility forms', () => {
    expect(ngramsOf('The “ﬁrst” law, of PHYSICS!')).toEqual(ngramsOf('the first law of physics'));
  });

  it('count each character of scripts without spaces', () => {
    expect(ngramsOf('熱力学第二法則はエントロピーの増大を述べる').length).toBeGreaterThan(5);
  });

  it('find a stretch of 13 words in another text, and not one of 12', () => {
    const set = new NgramSet();
    set.add(sentence(40));
    expect(set.overlaps(`before ${sentence(13)} after`)).toBe(true);
    expect(set.overlaps(`before ${sentence(12)} after ${sentence(30, 'other')}`)).toBe(false);
    expect(set.shared(`before ${sentence(15)} after`)).toBe(3);
    expect(set.overlaps(`before ${sentence(15)} after`, 4)).toBe(false);
  });

  it('are shared wholly by a text with itself, and by texts of different words not at all', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1, maxLength: 60 }), (numbers) => {
        const set = new NgramSet();
        set.add(numbers.map((number) => `w${number}`).join(' '));
        expect(set.share(numbers.map((number) => `W${number},`).join('  '))).toBe(1);
        expect(set.share(numbers.map((number) => `v${number}`).join(' '))).toBe(0);
      }),
    );
  });

  it('are forgotten beyond the limit, the oldest first', () => {
    const set = new NgramSet(2 ** 12);
    for (let text = 0; text < 10_000; text++) set.add(`text number ${text}`);
    const known = Array.from({ length: 10_000 }, (_, text) => set.overlaps(`text number ${text}`));
    expect(known.slice(-2048)).not.toContain(false);
    expect(known.filter(Boolean).length).toBeLessThanOrEqual(2 ** 12);
  });
});
