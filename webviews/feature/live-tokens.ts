import { float32s, uint32s } from '../kit/columns.ts';
import type { ShownToken } from '../kit/painted-tokens.tsx';

interface LiveSegment {
  readonly start: number;
  readonly spans: string;
  readonly values: string;
}

/**
 * The whole text in order, cut into tokens; what no token covers (white space that the tokenizer drops) stays as text that does not
 * fire. Tokens without width, and those that overlap the one before them, are parts of a character and add to it.
 * @throws RangeError | DOMException when a segment's arrays are damaged
 */
export function liveTokens(text: string, segments: readonly LiveSegment[]): ShownToken[] {
  const tokens: { text: string; activation: number }[] = [];
  let reached = 0;
  for (const segment of segments) {
    const [spans, values] = [uint32s(segment.spans), float32s(segment.values)];
    for (let token = 0; token < values.length; token++) {
      const start = segment.start + spans[2 * token]!;
      const end = segment.start + spans[2 * token + 1]!;
      const last = tokens.at(-1);
      if (end <= reached || end <= start) {
        if (last !== undefined) last.activation = Math.max(last.activation, values[token]!);
        continue;
      }
      if (start > reached) tokens.push({ text: text.slice(reached, start), activation: 0 });
      tokens.push({ text: text.slice(Math.max(start, reached), end), activation: values[token]! });
      reached = end;
    }
  }
  if (reached < text.length) tokens.push({ text: text.slice(reached), activation: 0 });
  return tokens;
}
