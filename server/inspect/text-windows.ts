import type { Encoding } from '../foundation/encoding.ts';
import type { TokenSequence } from '../model/language-model.ts';

/** A stretch of a text's tokens that the model runs at once. */
export interface TextWindow {
  readonly ids: TokenSequence;
  /** Special tokens at the window's head. */
  readonly prefix: number;
  /** First of the window's own tokens, prefix left out, in the whole encoding. */
  readonly first: number;
  /** Tokens [from, to) of the whole encoding are read from this window; those before `from` only give context. */
  readonly from: number;
  readonly to: number;
}

/**
 * Windows of at most the context's length. Each begins with the text's special tokens (BOS) and, after the first, with a quarter of a
 * context of tokens already read, so that no token is read without context.
 */
export function textWindows({ ids, special }: Encoding, contextLength: number): TextWindow[] {
  const firstOrdinary = special.indexOf(0);
  const prefix = firstOrdinary < 0 ? ids.length : firstOrdinary;
  const room = Math.max(1, contextLength - prefix);
  const overlap = Math.floor(room / 4);
  const windows: TextWindow[] = [];
  let from = 0;
  while (from < ids.length) {
    const first = from === 0 ? prefix : from - overlap;
    const to = Math.min(ids.length, first + room);
    const window = new Int32Array(prefix + to - first);
    window.set(ids.subarray(0, prefix));
    window.set(ids.subarray(first, to), prefix);
    windows.push({ ids: window, prefix, first, from, to });
    from = to;
  }
  return windows;
}

/** Position of a token of the text in a window. */
export function positionIn({ first, prefix }: TextWindow, token: number): number {
  return token < prefix ? token : token - first + prefix;
}
