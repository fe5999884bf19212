import type { Corpus } from '../corpus/corpus.ts';
import type { Passage } from '../corpus/passage.ts';
import type {
  BrowseCorpusRequest,
  BrowseCorpusResult,
  SelectionResult,
  ShownPassage,
} from '../protocol/corpus-pages.ts';
import type { StoredSelection } from '../retrieve/selection-store.ts';

/** Passages that a search ranks: nobody pages further, and a word that half a corpus holds is no search. */
const MAX_FOUND = 10_000;

function shown({ id, text, tokens, fields, provenance }: Passage, score: number | null): ShownPassage {
  const { source, document, start, end, line } = provenance;
  return { id, text, tokens, source, document, start, end, line, fields, score };
}

/** One page of a corpus, in its own order or by BM25. */
export async function browseCorpus(
  { query, offset, limit }: BrowseCorpusRequest,
  corpus: Corpus,
): Promise<BrowseCorpusResult> {
  const { name, passages: total } = corpus.summary;
  const place = { corpus: name, query, offset };
  if (query === null) {
    const page = await corpus.page(offset, limit);
    return { ...place, total, capped: false, passages: page.map((passage) => shown(passage, null)) };
  }
  const found = await corpus.bm25(query, MAX_FOUND);
  const hits = found.slice(offset, offset + limit);
  const page = await corpus.byIds(hits.map(({ id }) => id));
  return {
    ...{ ...place, total: found.length, capped: found.length === MAX_FOUND },
    passages: page.map((passage, i) => shown(passage, hits[i]!.score)),
  };
}

/** A stored selection as the protocol tells it. */
export function selectionResult(
  name: string,
  { config, tokens, overlapDropped, note, contentHash, hits }: StoredSelection,
): SelectionResult {
  const { arm, corpus, seeds, seed, dictionary, candidates, pinned, struck } = config;
  return {
    ...{ name, arm, corpus, seeds, passages: hits.length, tokens, overlapDropped, note },
    ...{ seed, budget: config.tokens, dictionary, candidates, pinned, struck, contentHash },
    hits: hits.map(({ passage, score }) => shown(passage, score)),
  };
}
