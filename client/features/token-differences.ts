/** A token and how much better one dictionary reconstructs it than another: the other's ‖x − x̂‖² less its own. */
export interface TokenDifference {
  /** UTF-16 offsets into the document. */
  readonly from: number;
  readonly to: number;
  readonly difference: number;
}

const SHOWN = 200;

/** The tokens with the largest differences, whatever their sign; equal ones in the order of the text. */
export function strongestDifferences(tokens: readonly TokenDifference[]): TokenDifference[] {
  return tokens
    .toSorted((a, b) => Math.abs(b.difference) - Math.abs(a.difference) || a.from - b.from)
    .slice(0, SHOWN)
    .filter(({ difference }) => difference !== 0);
}

/** Tokens, how many of them have a difference above 0, and the mean difference. */
export function summarise(tokens: readonly TokenDifference[]): { tokens: number; better: number; mean: number } {
  const sum = tokens.reduce((total, { difference }) => total + difference, 0);
  const better = tokens.filter(({ difference }) => difference > 0).length;
  return { tokens: tokens.length, better, mean: tokens.length === 0 ? 0 : sum / tokens.length };
}
