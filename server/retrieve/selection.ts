import type { Passage } from '../corpus/passage.ts';

export const ARMS = ['bm25', 'dense', 'bm25+tracin', 'dense+tracin', 'random', 'seeds'] as const;
export type Arm = (typeof ARMS)[number];

export interface SeedText {
  readonly text: string;
  readonly contentHash: string;
  /** File and UTF-16 range it was taken from; null for pasted text. */
  readonly from: { readonly file: string; readonly start: number; readonly end: number } | null;
}

export interface SeedSet {
  readonly name: string;
  readonly seeds: readonly SeedText[];
}

export interface Hit {
  readonly rank: number;
  readonly score: number;
  readonly passage: Passage;
}

/** Passages chosen from a corpus by one arm under a token budget. */
export interface Selection {
  readonly arm: Arm;
  readonly corpus: string;
  readonly seedSet: string;
  readonly hits: readonly Hit[];
  /** Sum of the hits' tokens; at most the budget. */
  readonly tokens: number;
  /** Passages passed over because they repeat a seed or a passage already chosen (content hash or 13-gram overlap). */
  readonly overlapDropped: number;
  /** What the reader should know: the corpus ran out before the budget was filled. */
  readonly note: string | null;
  readonly seconds: number;
}
