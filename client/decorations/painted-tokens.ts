import { intensity, intensityBucket, type IntensityScale } from '../../server/text/intensity.ts';
import { placeIn } from '../../server/text/regions.ts';
import type { PlacedSegment } from './placed-segments.ts';
import type { SegmentStore } from './segment-values.ts';

/** Steps of paint. As many colours are contributed as `ssae.activation1` … `ssae.activation5`. */
export const INTENSITIES = 5;

/** A stretch to paint. UTF-16 offsets into the document. */
export interface PaintedToken {
  readonly from: number;
  readonly to: number;
  /** 1 (faint) to INTENSITIES (strong); below 0 where the value is. */
  readonly step: number;
}

/** The strongest value of segments that are known, whatever its sign. */
export function strongestValue(segments: readonly PlacedSegment[], store: SegmentStore): number {
  let strongest = 0;
  for (const { key } of segments)
    for (const value of store.get(key)?.values ?? []) strongest = Math.max(strongest, Math.abs(value));
  return strongest;
}

/**
 * What to paint of segments whose values are known. White space around a token stays bare, so that tokens are told apart; tokens of one
 * step that touch are one stretch, for the window draws every one of them with each key.
 */
export function paintedTokens(
  segments: readonly PlacedSegment[],
  store: SegmentStore,
  scale: IntensityScale,
): PaintedToken[] {
  return joined(tokensWhere(segments, store, scale, (step) => step !== 0));
}

/**
 * Tokens of the strongest step, `most` at most and spread over the document: of those nearer to each other than the document's length
 * over `most` the first. The window draws each of them with every key, and an overview has no more room.
 */
export function strongestTokens(
  segments: readonly PlacedSegment[],
  store: SegmentStore,
  scale: IntensityScale,
  most: number,
): PaintedToken[] {
  const apart = Math.ceil((segments.at(-1)?.to ?? 0) / most);
  const strongest: PaintedToken[] = [];
  let free = 0;
  for (const segment of segments) {
    if (segment.to <= free) continue;
    for (const token of tokensWhere([segment], store, scale, (step) => Math.abs(step) === INTENSITIES)) {
      if (token.from < free) continue;
      strongest.push(token);
      free = token.from + apart;
    }
  }
  return strongest;
}

function tokensWhere(
  segments: readonly PlacedSegment[],
  store: SegmentStore,
  scale: IntensityScale,
  isWanted: (step: number) => boolean,
): PaintedToken[] {
  const painted: PaintedToken[] = [];
  for (const segment of segments) {
    const known = store.get(segment.key);
    if (known === undefined) continue;
    const { spans, values } = known;
    for (let token = 0; token < values.length; token++) {
      const step = stepOf(values[token]!, scale);
      if (!isWanted(step)) continue;
      const place = visiblePlace(segment, spans[2 * token]!, spans[2 * token + 1]!);
      if (place !== null) painted.push({ from: place.from, to: place.to, step });
    }
  }
  return painted;
}

function joined(tokens: readonly PaintedToken[]): PaintedToken[] {
  const stretches: PaintedToken[] = [];
  for (const token of tokens) {
    const last = stretches.at(-1);
    if (last?.to === token.from && last.step === token.step)
      stretches[stretches.length - 1] = { ...last, to: token.to };
    else stretches.push(token);
  }
  return stretches;
}

function stepOf(value: number, scale: IntensityScale): number {
  return Math.sign(value) * intensityBucket(intensity(Math.abs(value), scale), INTENSITIES);
}

function visiblePlace(
  { region, start, text }: PlacedSegment,
  first: number,
  last: number,
): { from: number; to: number } | null {
  while (first < last && isSpace(text.charCodeAt(first))) first++;
  while (last > first && isSpace(text.charCodeAt(last - 1))) last--;
  if (first === last) return null;
  return { from: placeIn(region, start + first), to: placeIn(region, start + last) };
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13) || code === 160;
}
