import { expect, it } from 'vitest';
import type { ShownPassage } from '../../server/protocol/corpus-pages.ts';
import { compareSelections } from './comparison.ts';

function selection(...passages: [text: string, tokens: number][]) {
  const hits = passages.map(([text, tokens], i): ShownPassage => {
    const place = { source: 's', document: '1', start: 0, end: text.length, line: null };
    return { id: `${text}${i}`, text, tokens, ...place, fields: {}, score: 1 };
  });
  return { hits };
}
const texts = (passages: readonly ShownPassage[]): string[] => passages.map(({ text }) => text);

it('two selections are compared by the texts of their passages, in the order of the first', () => {
  const [one, other] = [selection(['a', 10], ['b', 20], ['c', 70]), selection(['c', 70], ['d', 1], ['a', 10])];
  const { both, only, missing, overlap, tokenShare } = compareSelections(one, other);
  expect([texts(both), texts(only), missing, overlap, tokenShare]).toEqual([['a', 'c'], ['b'], 1, 0.5, 0.8]);
  const back = compareSelections(other, one);
  expect([texts(back.both), texts(back.only), back.missing, back.overlap]).toEqual([['c', 'a'], ['d'], 1, 0.5]);
});

it('empty selections overlap in nothing', () => {
  expect(compareSelections(selection(), selection())).toMatchObject({ overlap: 0, tokenShare: 0, missing: 0 });
});
