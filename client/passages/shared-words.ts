import type { TextRange } from './source-place.ts';

/** The English words that BM25 passes over: Lucene's list, which the index uses. */
const STOP_WORDS = new Set(
  (
    'a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to ' +
    'was will with'
  ).split(' '),
);
const WORD = /[\p{L}\p{N}]+/gu;
const SHORTEST_STEM = 3;

/** A word without the endings that most inflections have. The index stems by more rules: this is for underlining alone. */
function stem(word: string): string {
  for (const [ending, instead] of [
    ['ies', 'y'],
    ['ing', ''],
    ['ed', ''],
    ['es', ''],
    ['s', ''],
    ['e', ''],
  ] as const)
    if (word.endsWith(ending) && !word.endsWith('ss') && word.length - ending.length >= SHORTEST_STEM)
      return word.slice(0, word.length - ending.length) + instead;
  return word;
}

/** Stems of the words that count in a search; accents do not tell words apart, as in the index. */
export function searchedStems(texts: readonly string[]): ReadonlySet<string> {
  const stems = new Set<string>();
  for (const text of texts)
    for (const [word] of text.matchAll(WORD)) {
      const folded = fold(word);
      if (!STOP_WORDS.has(folded)) stems.add(stem(folded));
    }
  return stems;
}

function fold(word: string): string {
  return word.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

/** Places of the words of a text that share a stem with the searched ones. */
export function sharedWords(text: string, stems: ReadonlySet<string>): TextRange[] {
  const shared: TextRange[] = [];
  for (const match of text.matchAll(WORD))
    if (stems.has(stem(fold(match[0])))) shared.push({ start: match.index, end: match.index + match[0].length });
  return shared;
}
