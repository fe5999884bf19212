import { TextDocument } from 'vscode-languageserver-textdocument';
import { describe, expect, it } from 'vitest';
import { paintedPieces } from './semantic-tokens.ts';

const document = TextDocument.create('untitled:1', 'plaintext', 1, 'one\r\ntwo three');

describe('painted pieces', () => {
  it('are in steps of the root of the strongest value, and leave out what does not fire', () => {
    const activations = [
      { start: 0, end: 3, value: 25 },
      { start: 5, end: 8, value: 0 },
      { start: 8, end: 14, value: 0.001 },
      { start: 8, end: 14, value: -3 },
    ];
    expect(paintedPieces(document, activations, 25)).toEqual([
      { line: 0, character: 0, length: 3, type: 4 },
      { line: 1, character: 3, length: 6, type: 0 },
    ]);
    expect(paintedPieces(document, activations, 0)).toEqual([]);
  });

  it('of a token over two lines are one a line, without the line ends', () => {
    expect(paintedPieces(document, [{ start: 2, end: 7, value: 1 }], 1)).toEqual([
      { line: 0, character: 2, length: 1, type: 4 },
      { line: 1, character: 0, length: 2, type: 4 },
    ]);
    expect(paintedPieces(document, [{ start: 3, end: 5, value: 1 }], 1)).toEqual([]);
  });
});
