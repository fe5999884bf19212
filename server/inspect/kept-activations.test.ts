import { expect, it } from 'vitest';
import { Random } from '../foundation/random.ts';
import { KeptActivations } from './kept-activations.ts';

it('keeps, by feature and in order, the activations of kept passages alone, however little room it began with', () => {
  const random = new Random(3);
  const kept = new Map([0, 1, 2, 3].map((feature) => [feature, new Set([feature, feature + 3, 9])]));
  const entries = Array.from({ length: 500 }, (_, token) => ({
    feature: random.below(4),
    passage: random.below(10),
    token,
    value: token + 0.5,
  }));
  for (const room of [7, 100, 1000]) {
    const gathered = new KeptActivations(4, (feature) => kept.get(feature)!, room);
    for (const { feature, passage, token, value } of entries) gathered.add(feature, passage, token, value);
    const { starts, passages, tokens, values } = gathered.byFeature();
    for (const feature of [0, 1, 2, 3]) {
      const expected = entries.filter((entry) => entry.feature === feature && kept.get(feature)!.has(entry.passage));
      const [from, to] = [starts[feature]!, starts[feature + 1]!];
      expect([...passages.subarray(from, to)]).toEqual(expected.map(({ passage }) => passage));
      expect([...tokens.subarray(from, to)]).toEqual(expected.map(({ token }) => token));
      expect([...values.subarray(from, to)]).toEqual(expected.map(({ value }) => value));
    }
  }
});
