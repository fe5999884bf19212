import { describe, expect, it } from 'vitest';
import { CharacterModel, identityDictionary } from '../../test/character-model.ts';
import { unwatched } from '../foundation/progress.ts';
import { TextFeaturesRequest, type TextFeaturesResult } from '../protocol/token-readings.ts';
import { searchFeatures } from './feature-search.ts';
import { featuresOfText } from './text-search.ts';

describe('a search in labels', () => {
  const shape = { ...identityDictionary('identity', 1).dictionary.shape, dSae: 100 };
  const labels = new Map([
    [3, 'Heat engines'],
    [5, 'engine'],
    [8, 'the heat of an engine'],
    [9, 'overheating engines'],
    [12, 'feature 42'],
    [13, 'ＡＢＣ'],
  ]);
  const densities = { shares: new Float32Array(100).fill(0.5), tokens: 10 };
  const found = (query: string, limit = 50): number[] =>
    searchFeatures({ labels, densities, shape }, query, limit).map(({ feature }) => feature);

  it('finds labels with all words, whatever their case and form', () => {
    expect(found('HEAT engine')).toEqual([8, 3, 9]);
    expect(found('heat quark')).toEqual([]);
    expect(found('abc')).toEqual([13]);
  });

  it('puts the label itself first, then whole words, beginnings of words, parts of words', () => {
    expect(found('engine')).toEqual([5, 8, 3, 9]);
    expect(found('engine', 2)).toEqual([5, 8]);
  });

  it('finds a feature by its number, and labels that hold it', () => {
    expect(found('42')).toEqual([42, 12]);
    expect(found('100')).toEqual([]);
    expect(searchFeatures({ labels, densities, shape }, '7', 1)).toEqual([{ feature: 7, label: null, density: 0.5 }]);
  });

  it('lists what is labelled for an empty query', () => {
    expect(found(' ')).toEqual([3, 5, 8, 9, 12, 13]);
  });
});

describe('the features of a text', () => {
  const { dictionary, engine } = identityDictionary('identity', 1);
  const of = (
    text: string,
    against: string | null = null,
    densities: typeof dictionary.densities = null,
  ): Promise<TextFeaturesResult> =>
    featuresOfText(
      TextFeaturesRequest.parse({ dictionary: 'identity', text, against }),
      { model: new CharacterModel(4), dictionary: { ...dictionary, densities }, engine },
      unwatched,
    );

  // "a" fires feature 1 with 1, "b" feature 2 with 2, "c" feature 3 with 3; BOS would fire all with 100.
  it('are ranked by strength and by how much more often they fire than in general', async () => {
    const densities = { shares: Float32Array.of(1, 0.5, 0.01, 0), tokens: 1000 };
    const { tokens, features, formula } = await of('aaabbcaaaa', null, densities);
    expect(tokens).toBe(10);
    expect(formula).toBe('mean · ln(share / density)');
    const expected = [
      { feature: 3, mean: 0.3, maximum: 3, share: 0.1, score: 0.3 * Math.log(0.1 / 0.0005), density: 0, label: null },
      { feature: 2, mean: 0.4, maximum: 2, share: 0.2, score: 0.4 * Math.log(0.2 / 0.01), label: 'b' },
      { feature: 1, mean: 0.7, maximum: 1, share: 0.7, score: 0.7 * Math.log(0.7 / 0.5) },
    ].sort((a, b) => b.score - a.score);
    expect(features.map(({ feature }) => feature)).toEqual(expected.map(({ feature }) => feature));
    for (const [i, { score, density, ...rest }] of expected.entries()) {
      expect(features[i]).toMatchObject(rest);
      expect(features[i]!.score).toBeCloseTo(score, 6);
      if (density !== undefined) expect(features[i]!.density).toBe(density);
    }
  });

  it('leave out what fires everywhere, however strong', async () => {
    const everywhere = { shares: Float32Array.of(1, 0.001, 0.001, 1), tokens: 1000 };
    expect((await of('ccca', null, everywhere)).features.map(({ feature }) => feature)).toEqual([1]);
    expect((await of('ccca', 'cccc')).features.map(({ feature }) => feature)).toEqual([1]);
    const uncounted = (await of('cccccccccccccccb')).features;
    expect(uncounted.map(({ feature }) => feature)).toEqual([2, 3]);
    expect(uncounted[0]!.score).toBeCloseTo((2 / 16) * Math.log(17), 6);
  });

  it('against another text fire here and not there', async () => {
    const { tokensAgainst, features, formula } = await of('aabb', 'aaab');
    expect(tokensAgainst).toBe(4);
    expect(formula).toBe('(mean − mean_against) · ln(share / share_against)');
    expect(features).toEqual([
      {
        ...{ feature: 2, label: 'b', density: null, mean: 1, maximum: 2, share: 0.5, meanAgainst: 0.5 },
        score: 0.5 * Math.log(2),
      },
    ]);
    const densities = { shares: Float32Array.of(1, 0.4, 0.4, 0.4), tokens: 1000 };
    expect((await of('aabb', 'aaab', densities)).features[0]!.score).toBeCloseTo(0.5 * Math.log(0.5 / 0.4), 6);
  });
});
