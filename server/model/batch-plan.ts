import type { TokenSequence } from './language-model.ts';

/** Sequences that run together, padded to the longest. */
export interface SequenceBatch {
  /** Places in the request's list. */
  readonly members: readonly number[];
  readonly longest: number;
}

/**
 * Groups sequences of similar length, so that little is padding: sorted by length, cut where `maxTokens` (padding included) is reached.
 * A sequence longer than that runs alone.
 */
export function planBatches(sequences: readonly TokenSequence[], maxTokens: number): SequenceBatch[] {
  const byLength = [...sequences.keys()].sort((a, b) => sequences[b]!.length - sequences[a]!.length || a - b);
  const batches: { members: number[]; longest: number }[] = [];
  for (const place of byLength) {
    const { length } = sequences[place]!;
    const open = batches.at(-1);
    if (open !== undefined && (open.members.length + 1) * open.longest <= maxTokens) open.members.push(place);
    else batches.push({ members: [place], longest: length });
  }
  return batches;
}
