import { expect, it } from 'vitest';
import { searchedStems, sharedWords } from './shared-words.ts';

function shared(seeds: string[], text: string): string[] {
  return sharedWords(text, searchedStems(seeds)).map(({ start, end }) => text.slice(start, end));
}

it('words shared with the seeds are found whatever their case, accent and common ending', () => {
  const seeds = ['The Entropy of burning stars', 'théories (heat-death)'];
  const text = 'Theory: a star burned, Stars burn; entropies and the death of heat.';
  expect(shared(seeds, text)).toEqual(['Theory', 'star', 'burned', 'Stars', 'burn', 'entropies', 'death', 'heat']);
});

it('words without meaning of their own are not shared', () => {
  expect(shared(['that is in the an with was'], 'it is that which was in the sea')).toEqual([]);
});

it('places are UTF-16 places in the text', () => {
  expect(sharedWords('👍 heat', searchedStems(['heat']))).toEqual([{ start: 3, end: 7 }]);
});
