import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addSeedLines, parseSeedLines, rangeAfter, writeSeedLines, type SeedLine } from './seed-lines.ts';

const place = fc.record({ file: fc.string(), start: fc.nat(), end: fc.nat() });
const seeds = fc.array(fc.record({ text: fc.string({ unit: 'binary' }), from: fc.option(place, { nil: null }) }));

describe('lines of a seed file', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(seeds, (given) => {
        const content = writeSeedLines(given.map((seed) => ({ kind: 'seed', seed })));
        expect(parseSeedLines(content)).toEqual(given.map((seed) => ({ kind: 'seed', seed })));
      }),
    );
  });

  it('that are no seed are kept as they are', () => {
    const content = '{"text":"a","from":null}\n// a note\n{"title":"x"}\n';
    const lines = parseSeedLines(content);
    expect(lines.map(({ kind }) => kind)).toEqual(['seed', 'other', 'other']);
    expect(writeSeedLines(lines)).toBe(content);
  });

  it('do not repeat a text', () => {
    const seed = (text: string): SeedLine => ({ text, from: null });
    const first = addSeedLines([], [seed('a'), seed('b'), seed('a')]);
    expect(first.added).toBe(2);
    expect(addSeedLines(first.lines, [seed('b'), seed('c')])).toMatchObject({ added: 1, lines: { length: 3 } });
  });
});

describe('the range of a seed', () => {
  const text = 'before SEED after';
  const range = { start: 7, end: 11 };
  const edited = (start: number, end: number, inserted: string): string => {
    const changed = text.slice(0, start) + inserted + text.slice(end);
    const moved = rangeAfter(range, { start, end, length: inserted.length });
    return changed.slice(moved.start, moved.end);
  };

  it('follows edits before and behind it', () => {
    expect(edited(0, 6, 'long before this')).toBe('SEED');
    expect(edited(0, 7, '')).toBe('SEED');
    expect(edited(12, 17, '')).toBe('SEED');
    expect(edited(7, 7, 'typed ')).toBe('SEED');
    expect(edited(11, 11, 'typed')).toBe('SEED');
  });

  it('grows and shrinks with edits inside it', () => {
    expect(edited(9, 9, 'xx')).toBe('SExxED');
    expect(edited(8, 10, '')).toBe('SD');
  });

  it('keeps what is left of it when an edit overlaps', () => {
    expect(edited(3, 9, '-')).toBe('ED');
    expect(edited(9, 14, '-')).toBe('SE');
    expect(edited(0, 17, 'gone')).toBe('');
  });

  it('never turns around or leaves the text', () => {
    fc.assert(
      fc.property(fc.tuple(fc.nat(50), fc.nat(50), fc.nat(50), fc.nat(50), fc.nat(20)), ([a, b, c, d, length]) => {
        const moved = rangeAfter(
          { start: Math.min(a, b), end: Math.max(a, b) },
          { start: Math.min(c, d), end: Math.max(c, d), length },
        );
        expect(moved.start).toBeGreaterThanOrEqual(0);
        expect(moved.end).toBeGreaterThanOrEqual(moved.start);
      }),
    );
  });
});
