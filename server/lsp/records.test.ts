import { TextDocument } from 'vscode-languageserver-textdocument';
import { describe, expect, it } from 'vitest';
import { MAX_RECORDS, recordsOf } from './records.ts';

const open = (uri: string, text: string): TextDocument => TextDocument.create(uri, 'plaintext', 1, text);

describe('records of a document', () => {
  it('of JSON lines are its objects with a text field, by line', () => {
    const text = '{"id": 1, "abstract": "a\\nb"}\n\n{"broken"\r\n{"text": "t", "abstract": "x"}\n{"other": "y"}\n[1]\nnull\n{"text": 3}';
    expect(recordsOf(open('file:///a.jsonl', text), ['text', 'abstract'])).toEqual([
      { line: 0, text: 'a\nb' },
      { line: 3, text: 't' },
    ]);
  });

  it('of CSV begin at the line of their first value, whatever breaks lines inside values', () => {
    const text = 'id,text\r\n1,"one\r\ntwo"\r\n"2\n2",three\n3\n4,""\n5,five';
    expect(recordsOf(open('file:///a.csv', text), ['text'])).toEqual([
      { line: 1, text: 'one\r\ntwo' },
      { line: 3, text: 'three' },
      { line: 7, text: 'five' },
    ]);
    expect(recordsOf(open('file:///a.csv', text), ['abstract'])).toEqual([]);
    expect(recordsOf(open('file:///a.tsv', 'text\tb\nx\ty'), ['text'])).toEqual([{ line: 1, text: 'x' }]);
  });

  it('are none of other documents, none of an unclosed quote, and so many at most', () => {
    expect(recordsOf(open('file:///a.txt', '{"text": "x"}'), ['text'])).toEqual([]);
    expect(recordsOf(open('file:///a.csv', 'text\n"open\nfor ever'), ['text'])).toEqual([]);
    expect(recordsOf(open('untitled:a.jsonl', '{"text": "x"}\n'.repeat(1000)), ['text'])).toHaveLength(MAX_RECORDS);
  });
});
