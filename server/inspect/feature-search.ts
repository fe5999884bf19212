import type { Dictionary } from '../sae/dictionary.ts';
import type { FoundFeature } from '../protocol/feature-pages.ts';

const normal = (text: string): string => text.normalize('NFKC').toLowerCase().trim();
const WORD = /[\p{L}\p{M}\p{N}]+/gu;

/** How a label answers the words of a query, best first; null where a word is missing. */
function rankOf(label: string, query: string, words: readonly string[]): number | null {
  if (!words.every((word) => label.includes(word))) return null;
  if (label === query) return 0;
  const own: readonly string[] = label.match(WORD) ?? [];
  if (words.every((word) => own.includes(word))) return 1;
  if (words.every((word) => own.some((each) => each.startsWith(word)))) return 2;
  return 3;
}

/**
 * Features whose label has all words of a query, whatever their case. First the label that is the query, then those with its words as
 * whole words, then as beginnings of words, then anywhere; of equals the shorter label, then the lower number. A number finds that feature
 * first, labelled or not; an empty query finds all that have a label, by number.
 */
export function searchFeatures(
  { labels, densities, shape }: Pick<Dictionary, 'labels' | 'densities' | 'shape'>,
  query: string,
  limit: number,
): FoundFeature[] {
  const wanted = normal(query);
  const words = wanted.split(/\s+/).filter((word) => word !== '');
  const number = /^\d{1,10}$/.test(wanted) && Number(wanted) < shape.dSae ? Number(wanted) : null;
  const ranked = [...labels].flatMap(([feature, text]) => {
    const rank = feature === number ? null : rankOf(normal(text), wanted, words);
    return rank === null ? [] : [{ feature, rank, length: words.length === 0 ? 0 : text.length }];
  });
  ranked.sort((a, b) => a.rank - b.rank || a.length - b.length || a.feature - b.feature);
  return [...(number === null ? [] : [number]), ...ranked.map(({ feature }) => feature)]
    .slice(0, limit)
    .map((feature) => ({
      feature,
      label: labels.get(feature) ?? null,
      density: densities?.shares[feature] ?? null,
    }));
}
