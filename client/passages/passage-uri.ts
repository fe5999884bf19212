/** Scheme of the documents that show what the daemon has stored. */
export const SCHEME = 'ssae';
/** Passages a page of a corpus. */
export const PAGE_PASSAGES = 50;

/** What a document shows. It is all in its address, so that the document comes back after the window was reloaded. */
export type Shown =
  | {
      readonly kind: 'corpus';
      readonly corpus: string;
      readonly query: string | null;
      /** 1-based. */ readonly page: number;
    }
  | { readonly kind: 'selection'; readonly selection: string }
  /** Passages of `selection` in both, then those that are missing in `against`. */
  | { readonly kind: 'comparison'; readonly selection: string; readonly against: string }
  /** The result of a job that evaluated a dictionary. */
  | { readonly kind: 'evaluation'; readonly job: string };

/** Parts of an address, not encoded. */
export interface Address {
  readonly scheme: string;
  readonly path: string;
  readonly query: string;
}

/** Names that are stored have no characters of their own in an address. */
const NAME = '([A-Za-z0-9][A-Za-z0-9._-]*)';
const CORPUS = new RegExp(`^/corpus/${NAME}/page-([1-9]\\d{0,8})\\.txt$`);
const SELECTION = new RegExp(`^/selection/${NAME}\\.txt$`);
const COMPARISON = new RegExp(`^/comparison/${NAME}/${NAME}\\.txt$`);
const EVALUATION = new RegExp(`^/evaluation/${NAME}\\.md$`);

export function addressOf(shown: Shown): Address {
  switch (shown.kind) {
    case 'corpus': {
      const query = shown.query === null ? '' : new URLSearchParams({ q: shown.query }).toString();
      return { scheme: SCHEME, path: `/corpus/${shown.corpus}/page-${shown.page}.txt`, query };
    }
    case 'selection':
      return { scheme: SCHEME, path: `/selection/${shown.selection}.txt`, query: '' };
    case 'comparison':
      // The name of the tab is the path's last part: the selection whose passages it shows.
      return { scheme: SCHEME, path: `/comparison/${shown.against}/${shown.selection}.txt`, query: '' };
    case 'evaluation':
      return { scheme: SCHEME, path: `/evaluation/${shown.job}.md`, query: '' };
  }
}

/** What an address shows; null for one that is none of ours. */
export function shownAt({ scheme, path, query }: Address): Shown | null {
  if (scheme !== SCHEME) return null;
  const corpus = CORPUS.exec(path);
  if (corpus !== null) {
    const words = new URLSearchParams(query).get('q');
    return { kind: 'corpus', corpus: corpus[1]!, page: Number(corpus[2]), query: words };
  }
  const selection = SELECTION.exec(path)?.[1];
  if (selection !== undefined) return { kind: 'selection', selection };
  const compared = COMPARISON.exec(path);
  if (compared !== null) return { kind: 'comparison', against: compared[1]!, selection: compared[2]! };
  const job = EVALUATION.exec(path)?.[1];
  return job === undefined ? null : { kind: 'evaluation', job };
}
