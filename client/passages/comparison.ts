import type { SelectionResult, ShownPassage } from '../../server/protocol/corpus-pages.ts';

type Compared = Pick<SelectionResult, 'hits'>;

export interface Comparison {
  /** Passages of the one selection that the other has too, and that it alone has, in its own order. */
  readonly both: readonly ShownPassage[];
  readonly only: readonly ShownPassage[];
  /** Passages that the other alone has. */
  readonly missing: number;
  /** Passages in both over passages in either; 0 where there are none. */
  readonly overlap: number;
  /** Share of the one selection's tokens that lie in passages of both. */
  readonly tokenShare: number;
}

function tokensOf(passages: readonly ShownPassage[]): number {
  return passages.reduce((sum, { tokens }) => sum + tokens, 0);
}

/** Compares by text: selections of different corpora can hold the same passage under different ids. */
export function compareSelections(one: Compared, other: Compared): Comparison {
  const others = new Set(other.hits.map(({ text }) => text));
  const both = one.hits.filter(({ text }) => others.has(text));
  const only = one.hits.filter(({ text }) => !others.has(text));
  const missing = other.hits.length - both.length;
  const [either, tokens] = [both.length + only.length + missing, tokensOf(one.hits)];
  return {
    ...{ both, only, missing },
    overlap: either === 0 ? 0 : both.length / either,
    tokenShare: tokens === 0 ? 0 : tokensOf(both) / tokens,
  };
}
