import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../server/services/experiment/experiment-file.ts';
import { conceptOf, experimentTemplate, type TemplateAnswers } from './experiment-template.ts';

const answers: TemplateAnswers = {
  dictionary: 'builtin-gsae',
  seeds: { kind: 'file', name: 'physics', reference: './.ssae/seeds/physics.jsonl' },
  corpus: { kind: 'stored', name: 'papers' },
  domain: { kind: 'stored', name: 'held-out' },
  tokens: 50_000,
};
const parsed = (change: Partial<TemplateAnswers>) =>
  parseExperiment(JSON.parse(experimentTemplate({ ...answers, ...change })), '/work/physics.ssae.json');

describe('a new experiment', () => {
  it('is one that runs as it is, with what was chosen', () => {
    expect(parsed({})).toMatchObject({
      ...{ name: 'physics', corpus: 'papers', selection: { tokens: 50_000 }, corpora: {} },
      seeds: { physics: { stored: '/work/.ssae/seeds/physics.jsonl' } },
      evaluation: { domain: { corpus: 'held-out' } },
    });
  });

  it('makes built-in text once, and leaves a place for seeds that are written in it', () => {
    const wordnet = { kind: 'builtin', name: 'wordnet' } as const;
    const { corpora, seeds } = parsed({ corpus: wordnet, domain: wordnet, seeds: { kind: 'written' } });
    expect(Object.entries(corpora).map(([name, { sources }]) => [name, sources])).toEqual([
      ['wordnet', ['builtin:wordnet']],
    ]);
    expect(seeds['concept']?.texts).toHaveLength(1);
  });

  it('has a name for the concept whatever the seed set is called', () => {
    const named = (name: string): string => conceptOf({ kind: 'stored', name, reference: name });
    expect(['physics', 'quantum field (2)', '...', 'Ökologie', 'x'.repeat(80)].map(named)).toEqual([
      ...['physics', 'quantum-field-2-', 'concept', 'kologie', 'x'.repeat(30)],
    ]);
    for (const name of ['quantum field (2)', 'a..b', 'x'.repeat(80)])
      expect(() => parsed({ seeds: { kind: 'stored', name, reference: name } })).not.toThrow();
  });
});
