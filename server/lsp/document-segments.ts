import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { TextSegment } from '../protocol/token-readings.ts';
import { formatOf, offsetIn, placeIn, type TextRegion, textRegions } from '../text/regions.ts';
import { cutSegments } from '../text/segments.ts';

/** UTF-16 units. A longer document is not read at all. */
export const MAX_DOCUMENT_LENGTH = 8 * 2 ** 20;
/** UTF-16 units that an answer about a whole document covers; what follows is read by requests for ranges. */
export const MAX_WHOLE_LENGTH = 100_000;

/** A segment of one of a document's text regions. Offsets are UTF-16. */
export interface DocumentSegment {
  readonly region: TextRegion;
  /** Where the segment begins in the region's text. */
  readonly at: number;
  readonly given: TextSegment;
  /** In the document. */
  readonly start: number;
  readonly end: number;
}

interface Cut {
  readonly version: number;
  readonly fields: readonly string[];
  readonly segments: readonly DocumentSegment[];
}

const cuts = new WeakMap<TextDocument, Cut>();

/** Whether a document holds records, each with a text of its own. */
export function hasRecords(document: TextDocument): boolean {
  return formatOf(fileNameOf(document), document.languageId) !== 'plain';
}

/** The URI's path without query: enough to tell the ending. */
function fileNameOf({ uri }: TextDocument): string {
  return uri.replace(/[?#].*$/, '');
}

/**
 * A document's segments in order, cut once a version.
 * @param fields names of fields that hold a record's text
 */
export function segmentsOf(document: TextDocument, fields: readonly string[]): readonly DocumentSegment[] {
  const known = cuts.get(document);
  if (known?.version === document.version && known.fields === fields) return known.segments;
  const text = document.getText();
  const format = formatOf(fileNameOf(document), document.languageId);
  const regions = text.length > MAX_DOCUMENT_LENGTH ? [] : textRegions(text, format, fields);
  const segments = regions.flatMap(segmentsOfRegion);
  cuts.set(document, { version: document.version, fields, segments });
  return segments;
}

function segmentsOfRegion(region: TextRegion): DocumentSegment[] {
  return cutSegments(region.text).map(({ context, start, end }) => ({
    ...{ region, at: start },
    given: { context: region.text.slice(context, start), text: region.text.slice(start, end) },
    start: placeIn(region, start),
    end: placeIn(region, end),
  }));
}

/** Segments that share text with [start, end) of the document. */
export function segmentsWithin(
  segments: readonly DocumentSegment[],
  start: number,
  end: number,
): readonly DocumentSegment[] {
  return segments.filter((segment) => segment.start < end && segment.end > start);
}

/** The segment that a place of the document is in; null between regions and at the end of the text. */
export function segmentAt(segments: readonly DocumentSegment[], place: number): DocumentSegment | null {
  return segments.find(({ start, end }) => place >= start && place < end) ?? null;
}

/** Place in the document of an offset into the segment's text. */
export function placeOf({ region, at }: DocumentSegment, offset: number): number {
  return placeIn(region, at + offset);
}

/** Offset into the segment's text of a place of the document. */
export function offsetOf({ region, at }: DocumentSegment, place: number): number {
  return offsetIn(region, place) - at;
}
