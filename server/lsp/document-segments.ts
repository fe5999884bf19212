import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { TextSegment } from '../protocol/token-readings.ts';
import { cutSegments, type Segment } from '../text/segments.ts';

/** UTF-16 units. A longer document is not read at all. */
export const MAX_DOCUMENT_LENGTH = 8 * 2 ** 20;
/** UTF-16 units that an answer about a whole document covers; what follows is read by requests for ranges. */
export const MAX_WHOLE_LENGTH = 200_000;

interface Cut {
  readonly version: number;
  readonly segments: readonly Segment[];
}

const cuts = new WeakMap<TextDocument, Cut>();

/** A document's segments, cut once a version. */
export function segmentsOf(document: TextDocument): readonly Segment[] {
  const known = cuts.get(document);
  if (known !== undefined && known.version === document.version) return known.segments;
  const text = document.getText();
  const segments = text.length > MAX_DOCUMENT_LENGTH ? [] : cutSegments(text);
  cuts.set(document, { version: document.version, segments });
  return segments;
}

/** Segments that share text with [start, end), UTF-16 offsets. */
export function segmentsWithin(segments: readonly Segment[], start: number, end: number): readonly Segment[] {
  return segments.filter((segment) => segment.start < end && segment.end > start);
}

/** The segments of the document's beginning that an answer about the whole of it covers. */
export function wholeSegments(document: TextDocument): readonly Segment[] {
  return segmentsOf(document).filter(({ end }) => end <= MAX_WHOLE_LENGTH);
}

/** The segment that a place is in; null at the end of the text. */
export function segmentAt(document: TextDocument, offset: number): Segment | null {
  return segmentsOf(document).find(({ start, end }) => offset >= start && offset < end) ?? null;
}

/** What the daemon is given of a segment. */
export function textOf(text: string, { context, start, end }: Segment): TextSegment {
  return { context: text.slice(context, start), text: text.slice(start, end) };
}
