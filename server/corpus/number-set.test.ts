import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hashNumber, NumberSet } from './number-set.ts';

it('a number set without a limit knows what was added and nothing else', () => {
  const number = fc.maxSafeNat().map((value) => value || 1);
  fc.assert(
    fc.property(fc.array(number, { maxLength: 6000 }), fc.array(number, { maxLength: 100 }), (added, others) => {
      const set = new NumberSet();
      const reference = new Set(added);
      for (const value of added) set.add(value);
      expect(added.every((value) => set.has(value))).toBe(true);
      expect(others.map((value) => set.has(value))).toEqual(others.map((value) => reference.has(value)));
    }),
    { numRuns: 30 },
  );
});

it('a hash becomes a number that a set can hold', () => {
  expect(hashNumber('0000000000000000')).toBe(1);
  expect(hashNumber('ffffffffffffffff')).toBe(2 ** 52);
});
