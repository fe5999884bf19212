import { mkdtemp, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CharacterModel, identityDictionary } from '../../test/character-model.ts';
import type { Passage } from '../corpus/passage.ts';
import { UsageError, WorkError } from '../foundation/errors.ts';
import { unwatched } from '../foundation/progress.ts';
import type { PassageSource } from './corpus-features.ts';
import { FIRST_OCTAVE } from './feature-index.ts';
import { featurePage } from './feature-page.ts';
import { spreadPassages } from './feature-passages.ts';
import { featureIndexPath, openFeatureIndex } from './indexed-corpus.ts';
import { logitEffects } from './logit-effects.ts';
import { OctaveSamples, SAMPLED_OCTAVES, SAMPLES_PER_OCTAVE } from './octave-samples.ts';
import { similarFeatures } from './similar-features.ts';

const inspected = { model: new CharacterModel(8), ...identityDictionary('identity', 1) };
const extent = { tokens: 1000, passagesPerFeature: 2 };
const choice = { feature: 2, passages: 10, logits: 2 };

function corpusOf(texts: readonly string[]): PassageSource & { reads: number } {
  const passages = texts.map((text, i): Passage => {
    const provenance = { source: 'test', document: String(i), start: 0, end: text.length, line: null };
    return {
      id: i.toString(16).padStart(16, '0'),
      text,
      tokens: text.length,
      contentHash: text,
      provenance,
      fields: {},
    };
  });
  return {
    reads: 0,
    summary: { name: 'corpus', contentHash: texts.join('|'), tokens: texts.join('').length },
    async *passages() {
      this.reads++;
      yield* await Promise.resolve(passages);
    },
    byIds: (ids) => Promise.resolve(ids.map((id) => passages[parseInt(id, 16)]!)),
  };
}

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'ssae-features-'));
});
afterEach(() => rm(cache, { recursive: true, force: true }));

describe('the feature index', () => {
  it('knows how often and how strongly a feature fired, and where most, BOS left out', async () => {
    const corpus = corpusOf(['aab', 'ccc', 'b', 'ab']);
    await using index = await openFeatureIndex(cache, inspected, corpus, unwatched, extent);
    const { fires, density, histogram, top } = await index.feature(2);
    expect([fires, density]).toEqual([3, 3 / 9]);
    expect(histogram[1 - FIRST_OCTAVE]).toBe(3);
    expect(top.map(({ id, maximum }) => [parseInt(id, 16), maximum])).toEqual([
      [0, 2],
      [2, 2],
    ]);
    expect((await index.feature(0)).top).toEqual([]);
  });

  it('is made once and read from the cache afterwards', async () => {
    const corpus = corpusOf(['abc', 'cab']);
    for (let i = 0; i < 2; i++) await featurePage(inspected, choice, corpus, cache, unwatched);
    expect(corpus.reads).toBe(1);
  });

  it('knows the activations that a page shows: no model runs when it is there', async () => {
    const corpus = corpusOf(['abc', 'cab']);
    const first = await featurePage(inspected, choice, corpus, cache, unwatched);
    const model = new CharacterModel(8);
    model.activations = () => Promise.reject(new Error('the model ran'));
    expect(await featurePage({ ...inspected, model }, choice, corpus, cache, unwatched)).toEqual(first);
  });

  it('takes passages at even distances from a corpus above its limit', async () => {
    const corpus = corpusOf(Array.from({ length: 40 }, () => 'abca'));
    await using index = await openFeatureIndex(cache, inspected, corpus, unwatched, { ...extent, tokens: 40 });
    expect(index.tokens).toBe(40);
  });

  it('leaves nothing behind when it is stopped, and says so when its file is damaged', async () => {
    const corpus = corpusOf(['abc']);
    const path = featureIndexPath(cache, inspected, corpus, extent);
    const stopped = { signal: AbortSignal.abort(), report: () => undefined };
    await expect(openFeatureIndex(cache, inspected, corpus, stopped, extent)).rejects.toThrow('interrupted');
    await expect(stat(path)).rejects.toThrow();
    await (await openFeatureIndex(cache, inspected, corpus, unwatched, extent))[Symbol.asyncDispose]();
    await truncate(path, 200);
    await expect(openFeatureIndex(cache, inspected, corpus, unwatched, extent)).rejects.toThrow(WorkError);
  });
});

describe('a feature’s page', () => {
  it('shows its strongest passages with the activation of every token', async () => {
    const page = await featurePage(inspected, choice, corpusOf(['aab', 'cccc']), cache, unwatched);
    expect(page).toMatchObject({ dictionary: 'identity', feature: 2, label: 'b', density: 1 / 7 });
    expect(page.passages).toHaveLength(1);
    expect(page.passages[0]).toMatchObject({ source: 'test', maximum: 2 });
    expect(page.passages[0]!.tokens).toEqual([
      { text: 'a', activation: 0 },
      { text: 'a', activation: 0 },
      { text: 'b', activation: 2 },
    ]);
  });

  it('has a histogram from the first octave with a token to the last', async () => {
    const page = await featurePage(inspected, choice, corpusOf(['aab', 'cccc']), cache, unwatched);
    expect(page.histogram).toEqual([{ from: 2, count: 1 }]);
    const silent = await featurePage(inspected, { ...choice, feature: 0 }, corpusOf(['aab']), cache, unwatched);
    expect([silent.histogram, silent.passages]).toEqual([[], []]);
  });

  it('has the density that was counted for the dictionary where there is no corpus', async () => {
    const densities = { shares: Float32Array.of(0, 0, 0.25, 1), tokens: 400 };
    const counted = { ...inspected, dictionary: { ...inspected.dictionary, densities } };
    expect(await featurePage(counted, choice, null, cache, unwatched)).toMatchObject({ density: 0.25, tokens: 400 });
    const page = await featurePage(counted, choice, corpusOf(['aab']), cache, unwatched);
    expect([page.density, page.tokens]).toEqual([1 / 3, 3]);
  });

  it('has no passages and no density without a corpus', async () => {
    const page = await featurePage(inspected, choice, null, cache, unwatched);
    expect([page.density, page.passages]).toEqual([null, []]);
    expect(page.similar.map(({ feature }) => feature)).toEqual([0, 1, 3]);
  });

  it('refuses a feature that does not exist', async () => {
    await expect(featurePage(inspected, { ...choice, feature: 4 }, null, cache, unwatched)).rejects.toThrow(UsageError);
  });
});

describe('the passages of a page', () => {
  const long = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen';
  const texts = ['strongest', 'second', 'third', 'weak', 'weaker', 'weakest', 'second', long, `${long} seventeen`];
  const id = (place: number): string => place.toString(16).padStart(16, '0');
  const top = (...places: number[]) => places.map((place, i) => ({ id: id(place), maximum: 100 - i }));
  const sampled = (octave: number, ...places: number[]) => places.map((place) => ({ id: id(place), octave }));
  const chosen = async (indexed: Parameters<typeof spreadPassages>[0], count: number): Promise<string[]> =>
    (await spreadPassages(indexed, count, corpusOf(texts))).map(({ text }) => text);

  it('are half the strongest and half one of each octave in turn', async () => {
    const samples = [...sampled(6, 0, 2), ...sampled(3, 3, 5), ...sampled(2, 4)];
    expect(await chosen({ top: top(0, 1, 2), samples }, 5)).toEqual(['strongest', 'second', 'third', 'weak', 'weaker']);
    expect(await chosen({ top: top(0, 1, 2), samples }, 4)).toEqual(['strongest', 'second', 'third', 'weak']);
    expect(await chosen({ top: top(0, 1, 2), samples }, 9)).toHaveLength(6);
  });

  it('do not repeat each other, in the same words or nearly', async () => {
    expect(await chosen({ top: top(1, 6, 7, 8, 0), samples: [] }, 9)).toEqual(['second', long, 'strongest']);
  });

  it('are the strongest where the octaves hold too few', async () => {
    expect(await chosen({ top: top(0, 1, 2), samples: sampled(6, 0) }, 3)).toEqual(['strongest', 'second', 'third']);
  });
});

describe('samples of octaves', () => {
  it('keep a few of each octave, and the octaves next below the strongest', () => {
    const samples = new OctaveSamples(2);
    for (let passage = 0; passage < 100; passage++) samples.add(1, passage % 20, passage * 0x9e3779b1, passage);
    const kept = Array.from({ length: SAMPLED_OCTAVES }, (_, place) => {
      const octave = samples.octaves[SAMPLED_OCTAVES + place]! - 1;
      return { octave, passages: [...samples.drawn.itemsOf(SAMPLED_OCTAVES + place)] };
    });
    expect(kept.map(({ octave }) => octave).sort((a, b) => a - b)).toEqual([12, 13, 14, 15, 16, 17, 18, 19]);
    for (const { octave, passages } of kept) {
      expect(passages).toHaveLength(SAMPLES_PER_OCTAVE);
      expect(passages.every((passage) => passage % 20 === octave)).toBe(true);
    }
    expect(samples.octaves.subarray(0, SAMPLED_OCTAVES).every((octave) => octave === 0)).toBe(true);
  });

  it('come back from the index with their octave', async () => {
    await using index = await openFeatureIndex(cache, inspected, corpusOf(['aab', 'ccc', 'b']), unwatched, extent);
    const { samples } = await index.feature(2);
    expect(samples.map(({ id, octave }) => [parseInt(id, 16), octave + FIRST_OCTAVE]).sort()).toEqual([
      [0, 1],
      [2, 1],
    ]);
  });
});

describe('a feature’s direction', () => {
  it('writes for the tokens its decoder row points at', async () => {
    const { top, bottom } = await logitEffects(inspected.model, inspected.dictionary, 2, 1);
    expect(top).toEqual([{ token: 'b', effect: 1 }]);
    expect(bottom).toEqual([{ token: 'c', effect: 0 }]);
  });

  it('finds the features that point the same way', () => {
    const decoder = Float32Array.of(1, 0, 0, 0, 2, 0.1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0);
    const { dictionary } = inspected;
    const similar = similarFeatures({ ...dictionary, parameters: { ...dictionary.parameters, decoder } }, 0, 2);
    expect(similar.map(({ feature }) => feature)).toEqual([1, 2]);
    expect(similar[0]!.cosine).toBeCloseTo(2 / Math.hypot(2, 0.1), 6);
    expect(similar[1]).toEqual({ feature: 2, cosine: 0, label: 'b' });
  });
});
