import { describe, expect, it } from 'vitest';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { splitHeldOut } from './held-out-split.ts';
import { mixedIn, splitHashOf } from './mixture.ts';

const texts = (keys: readonly string[], rows = 4): ActivationFolder => ({
  ...{ dIn: 2, rows: keys.length * rows, contentHash: keys.join() },
  shards: [{ path: 'p', rows: keys.length * rows, sequences: keys.map((key) => ({ key, rows })) }],
});
const named = (first: number, count: number): string[] => Array.from({ length: count }, (_, i) => `text ${first + i}`);
const request = { heldOutShare: 0.2, seed: 3 };

describe('general text that is mixed in', () => {
  it('never trains on what is held out of the domain, or of itself', () => {
    const [domain, general] = [texts(named(0, 60)), texts(named(20, 200))];
    const own = splitHeldOut(domain, 0.2, 3);
    const { split } = mixedIn(general, 0.5, own, request);
    const trained = split.training.flatMap(({ first, end }) => named(20, 200).slice(first / 4, end / 4));
    expect(own.heldOutKeys.size).toBeGreaterThan(5);
    expect(trained.filter((key) => own.heldOutKeys.has(key) || split.heldOutKeys.has(key))).toEqual([]);
    expect(split.trainingRows).toBe(4 * trained.length);
    expect(trained.length).toBeGreaterThan(100);
  });

  it('changes the split hash with either text, and is refused where nothing of it is left', () => {
    const own = splitHeldOut(texts(named(0, 60)), 0.2, 3);
    const [one, other] = [named(100, 50), named(200, 50)].map((keys) => mixedIn(texts(keys), 0.5, own, request));
    const hashes = [splitHashOf(own, null), splitHashOf(own, one!), splitHashOf(own, other!)];
    expect(new Set(hashes).size).toBe(3);
    const held = texts([...own.heldOutKeys]);
    expect(() => mixedIn(held, 0.5, own, request)).toThrow(/nothing but what is held out.*--mix-corpus/);
  });
});
