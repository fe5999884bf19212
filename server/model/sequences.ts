import type { Encoding } from '../foundation/encoding.ts';
import type { TokenSequence } from './language-model.ts';

/** A run of a text's tokens that the model reads at once, led by the special tokens the text began with. */
export interface TextSequence {
  readonly ids: TokenSequence;
  /** Special tokens at its head: positions that stand for no text. */
  readonly prefix: number;
}

/** A text's tokens in runs of at most the context's length. They do not overlap, so that every token counts once. */
export function sequencesOfText({ ids, special }: Encoding, contextLength: number): TextSequence[] {
  const firstOrdinary = special.indexOf(0);
  if (firstOrdinary < 0) return [];
  const room = Math.max(1, contextLength - firstOrdinary);
  const sequences: TextSequence[] = [];
  for (let start = firstOrdinary; start < ids.length; start += room) {
    const end = Math.min(ids.length, start + room);
    const sequence = new Int32Array(firstOrdinary + end - start);
    sequence.set(ids.subarray(0, firstOrdinary));
    sequence.set(ids.subarray(start, end), firstOrdinary);
    sequences.push({ ids: sequence, prefix: firstOrdinary });
  }
  return sequences;
}
