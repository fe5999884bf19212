/**
 * How the editor cuts a document for the model: into segments that are read apart from each other, each with a little of the text
 * before it as context. Where a cut falls depends on the text around it alone, so an edit changes the segments that it touches and the
 * cuts after it stay where they were.
 *
 * `ssae inspect` reads windows of the model's whole context instead; the two agree on a text of one segment.
 */

/** UTF-16 units. With the context a segment is some 200 tokens of technical English, within the smallest context that models have. */
const MINIMUM_LENGTH = 240;
const MAXIMUM_LENGTH = 480;
export const CONTEXT_LENGTH = 128;
/** Of the places where a line ends and no paragraph does, one in this many is a cut. */
const LINES_A_CUT = 4;
/** Of a line, that decide whether it ends a segment: typing further along moves no cut. */
const DECIDING_LENGTH = 12;

/** UTF-16 offsets into the text: [start, end) is read, with [context, start) before it. */
export interface Segment {
  readonly context: number;
  readonly start: number;
  readonly end: number;
}

/** Segments that cover a text in order; none for an empty one. */
export function cutSegments(text: string): Segment[] {
  const segments: Segment[] = [];
  let start = 0;
  while (start < text.length) {
    const end = segmentEnd(text, start);
    segments.push({ context: contextStart(text, start), start, end });
    start = end;
  }
  return segments;
}

function segmentEnd(text: string, start: number): number {
  if (text.length - start <= MINIMUM_LENGTH) return text.length;
  const limit = Math.min(text.length, start + MAXIMUM_LENGTH);
  let lastLine = -1;
  for (let at = start; at < limit;) {
    const lineEnd = text.indexOf('\n', at) + 1;
    if (lineEnd === 0 || lineEnd > limit) break;
    lastLine = lineEnd;
    if (lineEnd - start >= MINIMUM_LENGTH && (isBlank(text, lineEnd) || isCut(text, at, lineEnd))) {
      const next = skipBlank(text, lineEnd, limit);
      return next;
    }
    at = lineEnd;
  }
  if (limit === text.length) return limit;
  return lastLine - start >= MINIMUM_LENGTH ? lastLine : wordEnd(text, start + MINIMUM_LENGTH, limit);
}

/** Whether a blank line follows: a paragraph ends here. */
function isBlank(text: string, lineStart: number): boolean {
  let at = lineStart;
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\r') at++;
  return text[at] === '\n';
}

/** Blank lines stay with the paragraph before them: the next segment begins with a line that says something. */
function skipBlank(text: string, lineStart: number, limit: number): number {
  let at = lineStart;
  while (at < limit && isBlank(text, at)) at = text.indexOf('\n', at) + 1;
  return Math.min(at, limit);
}

/** One line end in {@link LINES_A_CUT}, chosen by the line's first characters (FNV-1a). */
function isCut(text: string, from: number, to: number): boolean {
  let hash = 0x811c9dc5;
  const end = Math.min(to, from + DECIDING_LENGTH);
  for (let at = from; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 8) % LINES_A_CUT === 0;
}

/** The end of a line too long for one segment: before its last space, never within a surrogate pair. */
function wordEnd(text: string, from: number, limit: number): number {
  for (let at = limit; at > from; at--) if (/\s/.test(text[at]!) && !/\s/.test(text[at - 1]!)) return at;
  return splitsPair(text, limit) ? limit - 1 : limit;
}

function contextStart(text: string, start: number): number {
  const earliest = Math.max(0, start - CONTEXT_LENGTH);
  if (earliest === 0) return 0;
  for (let at = earliest; at < start; at++) if (/\s/.test(text[at]!) && !/\s/.test(text[at - 1]!)) return at;
  return splitsPair(text, earliest) ? earliest + 1 : earliest;
}

function splitsPair(text: string, at: number): boolean {
  const [before, after] = [text.charCodeAt(at - 1), text.charCodeAt(at)];
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
}
