import type { TextDocument } from 'vscode-languageserver-textdocument';
import { intensity, intensityBucket } from '../text/intensity.ts';
import type { Activation } from './reading.ts';

/** Steps of paint; types `ssaeActivation1` (faint) to `ssaeActivation5` (strong). */
const STEPS = 5;

export const SEMANTIC_TOKENS_LEGEND = {
  tokenTypes: Array.from({ length: STEPS }, (_, step) => `ssaeActivation${step + 1}`),
  tokenModifiers: [],
};

/** A piece of a token on one line; `type` is an index into the legend's types. */
export interface PaintedPiece {
  readonly line: number;
  readonly character: number;
  /** UTF-16 units */
  readonly length: number;
  readonly type: number;
}

/** Tokens worth painting, in document order, on the logarithmic scale. A token over several lines becomes a piece a line. */
export function paintedPieces(
  document: TextDocument,
  activations: readonly Activation[],
  strongest: number,
): readonly PaintedPiece[] {
  if (!(strongest > 0)) return [];
  return activations
    .filter(({ value }) => value > 0)
    .flatMap(({ start, end, value }) => {
      const type = intensityBucket(intensity(value, { maximum: strongest, kind: 'log' }), STEPS) - 1;
      return linePieces(document, start, end).map((piece) => ({ ...piece, type }));
    });
}

/** [start, end) cut at line ends, which are in no piece. */
function linePieces(document: TextDocument, start: number, end: number): Omit<PaintedPiece, 'type'>[] {
  const text = document.getText().slice(start, end);
  return [...text.matchAll(/[^\r\n]+/g)].map(({ index, 0: piece }) => ({
    ...document.positionAt(start + index),
    length: piece.length,
  }));
}
