import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StrongestOfGroups } from './strongest.ts';

describe('the strongest items of each group', () => {
  it('are those that sorting everything would give, first come first among equals', () => {
    const additions = fc.array(fc.tuple(fc.nat(2), fc.nat(6)), { maxLength: 60 });
    fc.assert(
      fc.property(additions, fc.integer({ min: 1, max: 5 }), (added, capacity) => {
        const strongest = new StrongestOfGroups(3, capacity);
        added.forEach(([group, score], item) => {
          strongest.add(group, score, item);
        });
        for (const group of [0, 1, 2]) {
          const expected = added
            .map(([of, score], item) => ({ of, score, item }))
            .filter(({ of }) => of === group)
            .sort((a, b) => b.score - a.score || a.item - b.item)
            .slice(0, capacity);
          expect([...strongest.itemsOf(group)]).toEqual(expected.map(({ item }) => item));
          const first = group * capacity;
          expect([...strongest.scores.subarray(first, first + expected.length)]).toEqual(
            expected.map(({ score }) => score),
          );
        }
      }),
    );
  });
});
