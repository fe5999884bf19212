import { splitHash } from '../foundation/hash.ts';
import { OverlapFilter, type HashedText } from './overlap.ts';

export interface HeldOut<T extends HashedText> {
  readonly kept: readonly T[];
  /** Passages left out because they repeat a seed or a selected passage. */
  readonly dropped: number;
  /** Hash of the kept passages' content, whatever their order. */
  readonly splitHash: string;
}

/**
 * Keeps a measurement honest: drops every passage that repeats one of the `seen` texts (seeds, selections, training text),
 * by content hash or by a shared 13-gram.
 */
export function holdOut<T extends HashedText>(passages: Iterable<T>, seen: Iterable<HashedText>): HeldOut<T> {
  const filter = new OverlapFilter(seen);
  const kept: T[] = [];
  let dropped = 0;
  for (const passage of passages)
    if (filter.repeats(passage)) dropped++;
    else kept.push(passage);
  return { kept, dropped, splitHash: splitHash(kept.map(({ contentHash }) => contentHash)) };
}
