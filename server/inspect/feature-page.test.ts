import { mkdtemp, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CharacterModel, identityDictionary } from '../../test/character-model.ts';
import type { Passage } from '../corpus/passage.ts';
import { UsageError, WorkError } from '../foundation/errors.ts';
import { unwatched } from '../foundation/progress.ts';
import { FIRST_OCTAVE } from './feature-index.ts';
import { featurePage } from './feature-page.ts';
import { featureIndexPath, openFeatureIndex, type PassageSource } from './indexed-corpus.ts';
import { logitEffects } from './logit-effects.ts';
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

  it('has no passages and no density without a corpus', async () => {
    const page = await featurePage(inspected, choice, null, cache, unwatched);
    expect([page.density, page.passages]).toEqual([null, []]);
    expect(page.similar.map(({ feature }) => feature)).toEqual([0, 1, 3]);
  });

  it('refuses a feature that does not exist', async () => {
    await expect(featurePage(inspected, { ...choice, feature: 4 }, null, cache, unwatched)).rejects.toThrow(UsageError);
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
