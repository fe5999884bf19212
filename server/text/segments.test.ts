import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONTEXT_LENGTH, cutSegments } from './segments.ts';

const words = fc
  .array(fc.constantFrom('energy', 'of', 'a', 'photon', '\n', '\n\n', '   ', '🙂', 'x'.repeat(700), '{"a":1}'), {
    maxLength: 400,
  })
  .map((parts) => parts.join(' '));

const texts = (text: string): string[] =>
  cutSegments(text).map(({ context, start, end }) => `${text.slice(context, start)}\0${text.slice(start, end)}`);

describe('segments of a text', () => {
  it('cover it in order, bounded in length and in context', () => {
    fc.assert(
      fc.property(fc.oneof(words, fc.string({ unit: 'binary', maxLength: 3000 })), (text) => {
        const segments = cutSegments(text);
        expect(segments.map(({ start, end }) => text.slice(start, end)).join('')).toBe(text);
        for (const [i, { context, start, end }] of segments.entries()) {
          expect(start).toBe(i === 0 ? 0 : segments[i - 1]!.end);
          expect(end - start).toBeGreaterThan(0);
          expect(end - start).toBeLessThanOrEqual(480);
          expect(start - context).toBeLessThanOrEqual(CONTEXT_LENGTH);
          expect(context).toBeLessThanOrEqual(start);
        }
      }),
    );
  });

  it('never cut a character in two', () => {
    for (const { context, start } of cutSegments('🙂'.repeat(2000))) {
      expect(start % 2).toBe(0);
      expect(context % 2).toBe(0);
    }
  });

  it('stay as they are away from an edit', () => {
    const paragraphs = Array.from(
      { length: 200 },
      (_, i) => `Paragraph ${i} tells of ${'entropy and heat '.repeat(i % 30)}.`,
    );
    for (const separator of ['\n\n', '\n']) {
      const before = texts(paragraphs.join(separator));
      const edited = paragraphs.with(100, `${paragraphs[100]!} A sentence that is new here.`);
      const known = new Set(before);
      const changed = texts(edited.join(separator)).filter((segment) => !known.has(segment));
      expect(before.length).toBeGreaterThan(60);
      expect(changed.length).toBeGreaterThan(0);
      expect(changed.length).toBeLessThanOrEqual(5);
    }
  });

  it('end where a paragraph ends, its blank lines with it', () => {
    const paragraph = `${'All bodies attract each other. '.repeat(10).trim()}\n`;
    const segments = cutSegments(`${paragraph}\n\n${paragraph}`);
    expect(segments.map(({ start, end }) => [start, end])).toEqual([
      [0, paragraph.length + 2],
      [paragraph.length + 2, 2 * paragraph.length + 2],
    ]);
  });
});
