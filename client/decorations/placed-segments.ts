import { createHash } from 'node:crypto';
import { placeIn, textRegions, type TextFormat, type TextRegion } from '../../server/text/regions.ts';
import { cutSegments } from '../../server/text/segments.ts';

/** A segment of a document: what is read of it, and where it stands. */
export interface PlacedSegment {
  /** Of context and text: equal segments have equal keys, wherever they stand. */
  readonly key: string;
  readonly context: string;
  readonly text: string;
  readonly region: TextRegion;
  /** UTF-16 offset of the text in the region's. */
  readonly start: number;
  /** UTF-16 offsets in the document. */
  readonly from: number;
  readonly to: number;
}

/** All segments of a document, in its order. */
export function placeSegments(document: string, format: TextFormat, fields: readonly string[]): PlacedSegment[] {
  return textRegions(document, format, fields).flatMap((region) =>
    cutSegments(region.text).map(({ context: before, start, end }) => {
      const [context, text] = [region.text.slice(before, start), region.text.slice(start, end)];
      const places = { from: placeIn(region, start), to: placeIn(region, end) };
      return { key: keyOf(context, text), context, text, region, start, ...places };
    }),
  );
}

function keyOf(context: string, text: string): string {
  return createHash('sha1').update(`${context.length} `).update(context).update(text).digest('base64');
}

/** Segments that touch [from, to) of the document. */
export function segmentsWithin(segments: readonly PlacedSegment[], from: number, to: number): PlacedSegment[] {
  let [low, high] = [0, segments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (segments[middle]!.to <= from) low = middle + 1;
    else high = middle;
  }
  const within: PlacedSegment[] = [];
  for (let i = low; i < segments.length && segments[i]!.from < to; i++) within.push(segments[i]!);
  return within;
}
