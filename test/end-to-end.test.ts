import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../server/foundation/package-root.ts';
import { SafetensorsFile, writeSafetensors } from '../server/foundation/safetensors.ts';
import type { FeatureResult } from '../server/protocol/feature-pages.ts';
import type {
  CorpusSummary,
  DictionarySummary,
  EvaluateResult,
  IngestResult,
  InspectResult,
  RetrieveResult,
  SeedSetResult,
  TrainResult,
} from '../server/protocol/results.ts';
import { Installation } from './fixtures/end-to-end/installation.ts';

const installation = new Installation();
const fixture = (name: string): string => join(packageRoot, 'test', 'fixtures', 'end-to-end', name);
const HOOK_POINT = 'blocks.2.hook_resid_post';

afterAll(() => {
  installation.remove();
});

/** Whether the character before `end` takes several bytes, and so perhaps several tokens. */
const isSplit = (text: string, end: number): boolean => text.charCodeAt(end - 1) > 127;

/** Tokens of an inspection cover the text in order. Empty are special ones, and those that go on with a character of several tokens. */
function expectCover({ tokens }: InspectResult, text: string): void {
  let end = 0;
  for (const [index, token] of tokens.entries()) {
    expect([token.index, token.start]).toEqual([index, end]);
    if (token.end > token.start) expect(token.text).toBe(text.slice(token.start, token.end));
    else expect([index === 0 || isSplit(text, end), token.text]).toEqual([true, '']);
    end = token.end;
    const activations = token.features.map(({ activation }) => activation);
    expect(activations).toEqual(activations.toSorted((a, b) => b - a));
  }
  expect(end).toBe(text.length);
  expect(tokens.map(({ loss }) => loss === null)).toEqual(tokens.map((_, index) => index === 0));
}

describe('a rare topic, from text files to a dictionary of its own', () => {
  const ARMS = ['bm25', 'dense', 'bm25+tracin', 'dense+tracin', 'random', 'seeds'] as const;
  const retrieve = (arm: string, output: string, tokens = '300'): RetrieveResult =>
    installation.answer(
      ...['retrieve', '--seeds', 'lichens', '--corpus', 'village', '--arm', arm, '--tokens', tokens],
      ...['--dictionary', 'builtin-gsae', '-o', output],
    );
  const finetune = (output: string, ...objective: readonly string[]): TrainResult =>
    installation.answer(
      ...['finetune', '--from', 'builtin-gsae', '--selection', 'dense-tracin', '--tokens', '20000', '--batch', '256'],
      ...[...objective, '-o', output],
    );

  beforeAll(() => {
    const [general, domain, held] = ['general.txt', 'lichens.txt', 'lichens-held-out.txt'].map(fixture);
    const added = installation.answer<IngestResult>(
      ...['corpus', 'add', 'village', general!, domain!, '--unit', 'paragraph'],
    );
    expect(added).toMatchObject({ passages: 57, duplicates: 0, skippedTotal: 0 });
    // Half of the held-out corpus was seen in training, and has to be found out.
    installation.answer('corpus', 'add', 'held', held!, domain!, '--unit', 'paragraph');
    const { seeds } = installation.answer<SeedSetResult>('seeds', 'add', 'lichens', fixture('lichen-seeds.txt'));
    expect(seeds).toHaveLength(2);
  });

  it('adds the same source twice without storing a passage twice', () => {
    const again = installation.answer<IngestResult>(
      ...['corpus', 'add', 'village', fixture('general.txt'), '--unit', 'paragraph'],
    );
    expect(again.passages).toBe(0);
    expect(installation.answer<CorpusSummary>('corpus', 'show', 'village')).toMatchObject({
      passages: 57,
      documents: 2,
    });
  });

  it.each(ARMS)('is found by the arm %s, within the budget', (arm) => {
    const found = retrieve(arm, arm.replace('+', '-'));
    expect(found).toMatchObject({ arm, corpus: 'village', seeds: 'lichens', passages: found.hits.length });
    expect(found.tokens).toBeLessThanOrEqual(300);
    expect(found.tokens).toBe(found.hits.reduce((sum, { tokens }) => sum + tokens, 0));
    expect(found.hits.map(({ rank }) => rank)).toEqual(found.hits.map((_, index) => index + 1));
    for (const { source, score } of arm === 'random' ? [] : found.hits.slice(0, 2)) {
      expect(source).toMatch(/lichen/);
      expect(Number.isFinite(score)).toBe(true);
    }
  });

  it('is trained on by ERM and by TERM, and measured on text that neither saw', () => {
    const erm = finetune('lichens-erm', '--objective', 'erm');
    const term = finetune('lichens-term', '--tau', '1');
    expect(erm).toMatchObject({
      objective: 'erm',
      tilt: null,
      tau: null,
      steps: 79,
      final: { effectiveSampleSize: null },
    });
    expect(term).toMatchObject({ objective: 'term', tilt: null, tau: 1, hookPoint: HOOK_POINT, dIn: 256, dSae: 4096 });
    expect(term.final.effectiveSampleSize).toBeGreaterThan(1);
    // Nearly all passages come from one file; it is trained on all the same.
    expect(term.heldOut.tokens).toBeLessThan(150);
    expect(term.heldOut.splitHash).toBe(erm.heldOut.splitHash);
    const { n, splitHash, overlapDropped, metrics } = installation.answer<EvaluateResult>(
      ...[
        'eval',
        'lichens-erm',
        '--baseline',
        'builtin-gsae',
        '--corpus',
        'held',
        '--exclude-selection',
        'dense-tracin',
      ],
    );
    const { hits } = retrieve('dense+tracin', 'dense-tracin');
    const selected = hits.filter(({ source }) => source.endsWith('lichens.txt'));
    expect(overlapDropped).toBe(selected.length);
    expect(n.documents).toBe(2);
    expect(splitHash).toMatch(/^[0-9a-f]{16}$/);
    const promised = ['l0', 'explained_variance', 'ce_score', 'kl_score', 'perplexity_spliced', 'perplexity_original'];
    expect(Object.keys(metrics)).toEqual(
      expect.arrayContaining([...promised, 'dead_share', 'cosine', 'norm_ratio', 'tail_coverage']),
    );
    for (const { value, baseline, difference, formula } of Object.values(metrics)) {
      expect(difference).toBeCloseTo(value - baseline!, 6);
      expect(formula).toMatch(/n = \d+/);
    }
    const variance = metrics['explained_variance']!;
    expect(variance.value).toBeGreaterThan(0);
    expect(variance.difference).toBeGreaterThan(0);
    expect(variance.low).toBeLessThanOrEqual(variance.difference!);
    expect(variance.high).toBeGreaterThanOrEqual(variance.difference!);
  });

  it('has feature pages with passages, logits and neighbours', () => {
    const text = readFileSync(fixture('lichens.txt'), 'utf8');
    const inspected = installation.answer<InspectResult>(
      'inspect',
      fixture('lichens.txt'),
      '--dictionary',
      'builtin-gsae',
    );
    expectCover(inspected, text);
    const { feature } = inspected.tokens.find(({ text: token }) => token === ' rock')!.features[0]!;
    const page = installation.answer<FeatureResult>(
      ...['feature', 'show', String(feature), '--dictionary', 'builtin-gsae', '--corpus', 'village'],
    );
    expect(page).toMatchObject({ dictionary: 'builtin-gsae', feature, label: null });
    expect(page.density).toBeGreaterThan(0);
    expect(page.topLogits).toHaveLength(10);
    expect(page.topLogits[0]!.effect).toBeGreaterThan(page.bottomLogits[0]!.effect);
    expect(page.similar[0]!.cosine).toBeLessThanOrEqual(1);
    const maxima = page.passages.map(({ maximum }) => maximum);
    expect(maxima).toEqual(maxima.toSorted((a, b) => b - a));
    for (const { maximum, tokens } of page.passages)
      expect(Math.max(...tokens.map(({ activation }) => activation))).toBeCloseTo(maximum, 4);
  });
});

describe('inspecting', () => {
  it('covers a text of many contexts, characters of several tokens included', () => {
    const { contextLength } = installation.answer<{ contextLength: number }>('model', 'show', 'builtin');
    const long = `${readFileSync(fixture('general.txt'), 'utf8')} Füße 🜁 — ende`;
    writeFileSync(installation.at('long.txt'), long);
    const inspected = installation.answer<InspectResult>(
      'inspect',
      'long.txt',
      '--dictionary',
      'builtin-gsae',
      '--top',
      '1',
    );
    expect(inspected.tokens.length).toBeGreaterThan(2 * contextLength);
    expectCover(inspected, long);
  });
});

describe('dictionaries', () => {
  it('encode to features whose decoding is the reconstruction', async () => {
    const activations = installation.at('activations.safetensors');
    installation.answer(
      ...['model', 'run', 'builtin', '--text', 'A lichen grows slowly on bark and on bare rock.'],
      ...['--hook', HOOK_POINT, '-o', 'run.safetensors'],
    );
    {
      await using run = await SafetensorsFile.open(installation.at('run.safetensors'));
      const [rows, dIn] = run.entry(HOOK_POINT).shape as [number, number];
      const data = await run.float32(HOOK_POINT);
      await writeSafetensors(activations, { activations: { dtype: 'F32', shape: [rows, dIn], data } });
    }
    installation.answer(
      'dictionary',
      'encode',
      'builtin-gsae',
      '--activations',
      activations,
      '-o',
      'encoded.safetensors',
    );
    const { path, dSae, dIn, k } = installation.answer<DictionarySummary>('dictionary', 'show', 'builtin-gsae');
    await using weights = await SafetensorsFile.open(join(path, 'sae_weights.safetensors'));
    await using encoded = await SafetensorsFile.open(installation.at('encoded.safetensors'));
    const [decoder, bias] = [await weights.float32('W_dec'), await weights.float32('b_dec')];
    const [features, reconstruction] = [await encoded.float32('feature_acts'), await encoded.float32('reconstruction')];
    const rows = encoded.entry('feature_acts').shape[0]!;
    expect(encoded.entry('reconstruction').shape).toEqual([rows, dIn]);
    for (let row = 0; row < rows; row++) {
      const decoded = Float64Array.from(bias);
      let active = 0;
      for (let feature = 0; feature < dSae; feature++) {
        const value = features[row * dSae + feature]!;
        if (value === 0) continue;
        active++;
        for (let i = 0; i < dIn; i++) decoded[i]! += value * decoder[feature * dIn + i]!;
      }
      expect(active).toBeLessThanOrEqual(k!);
      const [off, norm] = [decoded.map((value, i) => value - reconstruction[row * dIn + i]!), decoded].map((x) =>
        Math.hypot(...x),
      );
      expect(off! / norm!).toBeLessThan(1e-5);
    }
  });

  it('come back from an export as they were', async () => {
    const file = await installation.activations('small.safetensors', 400, 24);
    const words = ['--d-sae', '96', '--k', '6', '--batch', '64', '--tokens', '2000'];
    const trained = installation.answer<TrainResult>('train', '--activations', file, ...words, '-o', 'small');
    installation.answer('dictionary', 'export', 'small', '--format', 'sae_lens', '-o', 'exported');
    const back = installation.answer<DictionarySummary>('dictionary', 'import', 'exported', '--as', 'back');
    expect(back).toMatchObject({ name: 'back', architecture: 'topk', dIn: 24, dSae: 96, k: 6 });
    const weights = (folder: string): Buffer => readFileSync(join(folder, 'sae_weights.safetensors'));
    expect(weights(back.path).equals(weights(trained.path))).toBe(true);
    expect(weights(installation.at('exported')).equals(weights(trained.path))).toBe(true);
  });
});

describe('a call that cannot be met', () => {
  const refused = (words: readonly string[], status: number, message: RegExp, input?: string): void => {
    const ended = installation.run(words, input === undefined ? {} : { input });
    expect(ended.status, ended.stderr).toBe(status);
    expect(ended.stderr).toMatch(message);
    expect(ended.stdout).toBe('');
  };

  it('names the row that is not a number', async () => {
    const spoiled = await installation.activations(
      'nan.safetensors',
      64,
      256,
      (values) => (values[256 * 41 + 3] = NaN),
    );
    refused(['dictionary', 'encode', 'builtin-gsae', '--activations', spoiled, '-o', 'x'], 1, /row 41\b/);
  });

  it('names both widths, also where the values would fill rows of the other', async () => {
    const narrow = await installation.activations('narrow.safetensors', 256, 24);
    const words = ['--activations', narrow, '-o', 'x'];
    refused(['dictionary', 'encode', 'builtin-gsae', ...words], 2, /width 256, these have width 24/);
    refused(['finetune', '--from', 'builtin-gsae', ...words], 2, /width 256, these have width 24/);
  });

  it('names the nearest hook point', () => {
    installation.answer('corpus', 'add', 'any', fixture('general.txt'));
    const words = ['--model', 'builtin', '--hook', 'blocks.2.hook_resid_pots', '--corpus', 'any', '--d-sae', '64'];
    refused(['train', ...words, '-o', 'x'], 2, /hook_resid_pots.*Nearest: blocks\.2\.hook_resid_post$/m);
  });

  it('says that a seed of one token is too short', () => {
    installation.run(['seeds', 'add', 'letter', '-'], { input: 'a' });
    installation.answer('corpus', 'add', 'any', fixture('general.txt'));
    const words = ['--seeds', 'letter', '--corpus', 'any', '--arm', 'dense', '--tokens', '100'];
    refused(['retrieve', ...words], 2, /has 1 token \("a"\).*a seed needs 2 tokens/);
  });
});
