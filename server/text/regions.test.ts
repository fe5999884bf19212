import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvCells } from './csv-cells.ts';
import { formatOf, offsetIn, placeIn, textRegions, type TextRegion } from './regions.ts';

const FIELDS = ['text', 'body'];
const anyText = fc.string({
  unit: fc.constantFrom('a', ' ', '"', '\\', '\n', '\t', ',', 'é', '🙂', '\u0001', 'ω'),
  maxLength: 40,
});

/** Every character of a region, found again in the document at its place, whatever way it is written there. */
function expectPlaces(document: string, region: TextRegion, write: (character: string) => string): void {
  for (let i = 0; i < region.text.length; i++) {
    const place = placeIn(region, i);
    expect(document.startsWith(write(region.text[i]!), place)).toBe(true);
    expect(offsetIn(region, place)).toBe(i);
  }
  expect(placeIn(region, region.text.length)).toBe(region.end);
}

describe('text regions', () => {
  it('are the whole of a plain document', () => {
    expect(textRegions('two\nlines', 'plain', FIELDS)).toEqual([{ text: 'two\nlines', start: 0, end: 9, jumps: [] }]);
    expect(textRegions('', 'plain', FIELDS)).toEqual([]);
  });

  it('are the text fields of JSON lines, as JSON.parse reads them, each character at its place', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ id: anyText, text: anyText }), { maxLength: 5 }), (records) => {
        const document = records.map((record) => JSON.stringify(record)).join('\n');
        const regions = textRegions(document, 'json-lines', FIELDS);
        expect(regions.map(({ text }) => text)).toEqual(records.map(({ text }) => text).filter((text) => text !== ''));
        for (const region of regions)
          expectPlaces(document, region, (character) =>
            JSON.stringify(character)
              .slice(1, -1)
              .replace(/^\\ud.*/, ''),
          );
      }),
    );
  });

  it('of JSON lines undo \\u escapes, skip nested fields and broken lines, and fall back to the longest string', () => {
    const document = [
      '{"title": "x", "body": "caf\\u00e9 \\/ bar"}',
      '{"text": {"text": "nested"}, "label": "b"}',
      'not json',
      '[1, "in a list"]',
      '{"a": "short", "z": "the longest one"}',
    ].join('\r\n');
    const regions = textRegions(document, 'json-lines', FIELDS);
    expect(regions.map(({ text }) => text)).toEqual(['café / bar', 'b', 'the longest one']);
    expect(document.slice(placeIn(regions[0]!, 3), placeIn(regions[0]!, 4))).toBe('\\u00e9');
    expect(document.slice(placeIn(regions[0]!, 7), placeIn(regions[0]!, 10))).toBe('bar');
  });

  it('are the text column of a CSV file, each character at its place', () => {
    const document = 'label,Text\nhate,"a ""quoted"", text\nin two lines"\nnone,plain\n';
    const regions = textRegions(document, 'csv', FIELDS);
    expect(regions.map(({ text }) => text)).toEqual(['a "quoted", text\nin two lines', 'plain']);
    expectPlaces(document, regions[0]!, (character) => (character === '"' ? '""' : character));
  });

  it('take the widest column where none has a known name', () => {
    expect(textRegions('id\tsaid\n1\thello there\n', 'tsv', FIELDS).map(({ text }) => text)).toEqual(['hello there']);
  });
});

describe('cells of a delimited file', () => {
  it('are those that csv-parse reads', () => {
    const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ' ', '🙂'), maxLength: 8 });
    const written = (cell: string): string => (/[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
    fc.assert(
      fc.property(
        fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 5 }),
        fc.boolean(),
        (rows, windows) => {
          const document = rows.map((row) => row.map(written).join(',')).join(windows ? '\r\n' : '\n');
          const expected: string[][] = parse(document, { relax_column_count: true, skip_empty_lines: true });
          expect(csvCells(document, ',').map((row) => row.map(({ text }) => text))).toEqual(expected);
        },
      ),
    );
  });

  it('end with the file where a quote is never closed', () => {
    expect(csvCells('a,"b\nc', ',').map((row) => row.map(({ text }) => text))).toEqual([['a', 'b\nc']]);
  });
});

describe('the format of a document', () => {
  it('is told by its name or language', () => {
    expect([
      formatOf('/a/B.JSONL', 'plaintext'),
      formatOf('x.csv', ''),
      formatOf('x.tsv', ''),
      formatOf('x.md', ''),
    ]).toEqual(['json-lines', 'csv', 'tsv', 'plain']);
    expect(formatOf('Untitled-1', 'jsonl')).toBe('json-lines');
  });
});
