import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteTokenizer, wordTokenizer } from '../../test/fixtures/corpus/tokenizers.ts';
import type { TextTokenizer } from '../foundation/encoding.ts';
import { countTokens, cut } from './cut.ts';

const gnarly = fc
  .array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\r\n', '\n\n', '\r\n \t\r\n', '👩‍👩‍👧', 'é', '𝒙', ' ')))
  .map((parts) => parts.join(''));
const lone = /\p{Surrogate}/u;

describe.each([wordTokenizer, byteTokenizer])('windows of the $contentHash tokenizer', (tokenizer: TextTokenizer) => {
  it('tile any text without dividing a character, and have its tokens', () => {
    fc.assert(
      fc.property(gnarly, fc.integer({ min: 1, max: 12 }), (text, length) => {
        const windows = [...cut(text, { kind: 'window', tokens: length }, tokenizer)];
        expect(windows.map(({ start, end }) => text.slice(start, end)).join('')).toBe(text);
        expect(windows.every(({ start, end }, at) => end > start && start === (windows[at - 1]?.end ?? 0))).toBe(true);
        expect(windows.some(({ start, end }) => lone.test(text.slice(start, end)))).toBe(false);
        expect(windows.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(countTokens(tokenizer, text));
        if (length > 1) expect(windows.every(({ tokens }) => tokens <= length)).toBe(true);
      }),
    );
  });
});

it('special tokens are neither counted nor cut at', () => {
  const withBos: TextTokenizer = {
    contentHash: 'bos',
    encode: (text) => {
      const { ids, starts, ends } = wordTokenizer.encode(text);
      return {
        ids: Int32Array.of(0, ...ids),
        starts: Uint32Array.of(0, ...starts),
        ends: Uint32Array.of(0, ...ends),
        special: Uint8Array.of(1, ...new Uint8Array(ids.length)),
      };
    },
  };
  const unit = { kind: 'window', tokens: 2 } as const;
  expect([...cut('a b c', unit, withBos)]).toEqual([...cut('a b c', unit, wordTokenizer)]);
});

it('paragraphs end at blank lines, whatever the line ends, and leave out the space around them', () => {
  const text = '\r\n# Heading\r\n\r\nfirst line\r\nsecond line  \r\n \t\r\n\r\n  last';
  const found = [...cut(text, { kind: 'paragraph' }, wordTokenizer)];
  expect(found.map(({ start, end }) => text.slice(start, end))).toEqual([
    '# Heading',
    'first line\r\nsecond line',
    'last',
  ]);
  expect(found.map(({ tokens }) => tokens)).toEqual([2, 4, 1]);
});

it('a text of megabytes is tokenized in pieces that end at a line', () => {
  const line = `${'word '.repeat(20)}\n`;
  const text = line.repeat(5000);
  const longest = { length: 0 };
  const watching: TextTokenizer = {
    contentHash: 'watching',
    encode: (piece) => {
      longest.length = Math.max(longest.length, piece.length);
      expect(piece.endsWith('\n')).toBe(true);
      return wordTokenizer.encode(piece);
    },
  };
  const windows = [...cut(text, { kind: 'window', tokens: 128 }, watching)];
  expect(longest.length).toBeLessThanOrEqual(1 << 17);
  expect(windows.at(-1)!.end).toBe(text.length);
});
