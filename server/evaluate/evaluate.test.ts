import { describe, expect, it } from 'vitest';
import { CharacterModel, identityDictionary } from '../../test/character-model.ts';
import type { Passage } from '../corpus/passage.ts';
import { Interrupted, UsageError, WorkError } from '../foundation/errors.ts';
import { unwatched } from '../foundation/progress.ts';
import { evaluateDictionary, type EvaluationRequest } from './evaluate.ts';
import { forgetting } from './forgetting.ts';

function passage(text: string, document: string): Passage {
  const provenance = { source: 'test', document, start: 0, end: text.length, line: null };
  return { id: document, text, tokens: text.length, contentHash: text, provenance, fields: {} };
}

const passages = ['abcabc', 'aabbcc', 'cccaab', 'bcabcabcabcabc'].map((text, i) => passage(text, `d${i % 3}`));

function request(changes: Partial<EvaluationRequest> = {}): EvaluationRequest {
  return {
    ...{ passages, model: new CharacterModel(8), hookPoint: 'blocks.0.hook_resid_post', baseline: null },
    ...{ dictionary: identityDictionary('half', 0.5), seed: 1, splitHash: 'split', overlapDropped: 3, ...changes },
  };
}

describe('the evaluation of a dictionary', () => {
  it('counts every ordinary token once, by document', async () => {
    const { n, splitHash, overlapDropped, baseline } = await evaluateDictionary(request(), unwatched);
    expect(n).toEqual({ tokens: 32, documents: 3 });
    expect([splitHash, overlapDropped, baseline]).toEqual(['split', 3, null]);
  });

  it('is perfect for a dictionary that gives everything back', async () => {
    const { metrics } = await evaluateDictionary(request({ dictionary: identityDictionary('all', 1) }), unwatched);
    for (const name of ['explained_variance', 'ce_score', 'kl_score', 'cosine', 'norm_ratio', 'l0'])
      expect(metrics[name]!.value, name).toBeCloseTo(1, 12);
    expect(metrics['perplexity_spliced']!.value).toBe(metrics['perplexity_original']!.value);
    expect(metrics['dead_share']!.value).toBe(0.25);
  });

  it('leaves BOS unpatched and out of every mean', async () => {
    const model = new CharacterModel(8);
    const { metrics } = await evaluateDictionary(request({ model }), unwatched);
    expect(metrics['norm_ratio']!.value).toBeCloseTo(0.5, 12);
    expect(model.patches.length).toBeGreaterThan(0);
    for (const patch of model.patches) expect([...patch.subarray(0, 4)]).toEqual([100, 100, 100, 100]);
    const zeros = model.patches[0]!.subarray(4);
    expect(zeros.every((value) => value === 0)).toBe(true);
    expect(metrics['perplexity_zero_ablated']!.value).toBeCloseTo(4, 6);
  });

  it('compares with a baseline on the same text, with intervals of the difference', async () => {
    const compared = await evaluateDictionary(request({ baseline: identityDictionary('all', 1) }), unwatched);
    const { value, baseline, difference, low, high } = compared.metrics['norm_ratio']!;
    expect([value, baseline, difference]).toEqual([0.5, 1, -0.5]);
    expect([low, high]).toEqual([-0.5, -0.5]);
    for (const [name, metric] of Object.entries(compared.metrics)) {
      expect(metric.difference, name).toBe(metric.value - metric.baseline!);
      expect(metric.formula, name).toMatch(/n = \d+/);
    }
    expect(compared.curves.logRatios).toMatchObject({ features: 3, onlyDictionary: 0, onlyBaseline: 0 });
    expect(forgetting(compared).forgetting_explained_variance.value).toBe(
      compared.metrics['explained_variance']!.difference,
    );
  });

  it('says what a token’s rank costs', async () => {
    const { curves } = await evaluateDictionary(request(), unwatched);
    expect(curves.dictionary.errorByRank.map(({ mean }) => mean)).toEqual([2.25, 1, 0.25]);
    expect(curves.dictionary.coverage.at(-1)).toEqual({ tokens: 1, covered: 1, normalised: 1 });
    expect(curves.dictionary.firesByRank).toEqual([
      [1, 12],
      [2, 10],
      [3, 10],
      [4, 0],
    ]);
  });

  it('gives the same numbers for the same seed', async () => {
    const once = await evaluateDictionary(request(), unwatched);
    expect(await evaluateDictionary(request(), unwatched)).toEqual(once);
  });

  it('has a plain error for text without tokens, a dictionary of another width, and forgetting without a baseline', async () => {
    const empty = request({ passages: [passage('', 'empty')] });
    await expect(evaluateDictionary(empty, unwatched)).rejects.toThrow(WorkError);
    const { dictionary, engine } = identityDictionary('wide', 1);
    const wide = { dictionary: { ...dictionary, shape: { ...dictionary.shape, dIn: 5 } }, engine };
    await expect(evaluateDictionary(request({ dictionary: wide }), unwatched)).rejects.toThrow(UsageError);
    const alone = await evaluateDictionary(request(), unwatched);
    expect(() => forgetting(alone)).toThrow(UsageError);
  });

  it('stops when its owner asks', async () => {
    const control = { signal: AbortSignal.abort(), report: () => undefined };
    await expect(evaluateDictionary(request(), control)).rejects.toThrow(Interrupted);
  });
});
