import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layOut, passageAt, shownText, type Block } from './passage-layout.ts';

const passage = (text: string, head: string | null = null): Block => ({ kind: 'passage', head, text });

describe('the layout of passages', () => {
  it('has the header, then each passage below a blank line, and knows their lines', () => {
    const layout = layOut(
      ['papers', 'two passages'],
      [passage('one\r\n\r\ntwo', '#1 · f:3'), { kind: 'heading', text: 'Others' }, passage('three')],
    );
    expect(layout.text.split('\n')).toEqual([
      ...['papers', 'two passages', '', '#1 · f:3', 'one', '', 'two', '', 'Others', '', 'three', ''],
    ]);
    expect(layout.passages).toEqual([
      { first: 3, text: 4, end: 7 },
      { first: 10, text: 10, end: 11 },
    ]);
    expect([2, 3, 5, 6, 7, 10, 11].map((line) => passageAt(layout, line))).toEqual([null, 0, 0, 0, null, 1, null]);
  });

  it('gives every passage the lines that an editor will show it on, whatever its characters', () => {
    const character = fc.constantFrom('a', 'é', '👍', ' ', '\n', '\r', '\r\n', '\u2028', '\v', '\t');
    const text = fc.array(character, { maxLength: 20 }).map((characters) => characters.join(''));
    fc.assert(
      fc.property(fc.array(text), fc.array(text), (texts, header) => {
        const layout = layOut(
          header,
          texts.map((each, i) => passage(each, i % 2 === 0 ? `#${i}` : null)),
        );
        // An editor ends lines at these and at nothing else.
        const lines = layout.text.split(/\r\n|\r|\n/);
        for (const [i, { first, text: from, end }] of layout.passages.entries()) {
          expect(lines.slice(from, end).join('\n')).toBe(shownText(texts[i]!));
          expect(from - first).toBe(i % 2 === 0 ? 1 : 0);
        }
      }),
    );
  });

  it('keeps the place of every word', () => {
    expect(shownText('\n \n  one\u2028two\r\n\n')).toBe('  one two');
    expect(shownText('one')).toBe('one');
    expect(shownText(' \n\n')).toBe('');
  });
});
