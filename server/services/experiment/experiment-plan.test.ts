import { describe, expect, it } from 'vitest';
import { parseExperiment } from './experiment-file.ts';
import { planExperiment } from './experiment-plan.ts';

const planOf = (change: object) =>
  planExperiment(
    parseExperiment(
      {
        ...{ corpus: 'c', seeds: { s: { texts: ['a b'] } }, arms: ['dense+tracin'] },
        ...{ evaluation: { domain: { corpus: 'd' } }, ...change },
      },
      '/x.ssae.json',
    ),
  );
const ids = (all: readonly { id: string }[]): string[] => all.map(({ id }) => id);

describe('what an experiment comes to', () => {
  it('holds the controls that a gain needs, unless the file says otherwise', () => {
    const objectives = [{ kind: 'term', tau: 0.5 }];
    const { dictionaries, comparisons, primary } = planOf({ objectives });
    expect(ids(dictionaries)).toEqual(['dense-tracin_erm_s0', 'dense-tracin_term-tau0.5_s0', 'random_erm_s0']);
    expect(ids(comparisons)).toEqual(['dense-tracin_erm_s0_against_random', 'dense-tracin_term-tau0.5_s0_against_erm']);
    expect(primary.id).toBe('dense-tracin_erm');
    const bare = planOf({ objectives, controls: false });
    expect(ids(bare.dictionaries)).toEqual(['dense-tracin_term-tau0.5_s0']);
    expect(bare.comparisons).toEqual([]);
  });

  it('is every combination, with one selection for all random seeds of an arm that does not draw', () => {
    const { selections, dictionaries } = planOf({
      ...{ arms: ['bm25', 'random'], randomSeeds: [3, 4] },
      sweep: { learningRate: [1e-4, 1e-3], selectionTokens: [100, 200] },
    });
    expect(ids(selections)).toEqual(
      ['bm25_100found', 'bm25_200found'].concat(
        ['random_100found', 'random_200found'].flatMap((id) => [`${id}_s3`, `${id}_s4`]),
      ),
    );
    expect(dictionaries).toHaveLength(16);
    expect(new Set(ids(dictionaries)).size).toBe(16);
  });

  it('compares only what differs in one thing, with the same random seed', () => {
    const { comparisons } = planOf({
      ...{ arms: ['bm25', 'random'], objectives: [{ kind: 'erm' }, { kind: 'term', tilt: 500 }] },
      ...{ randomSeeds: [0, 1], sweep: { mode: ['finetune', 'scratch'] } },
    });
    for (const { of, against, question } of comparisons) {
      expect(of.randomSeed).toBe(against.randomSeed);
      expect(of.setting.mode).toBe(against.setting.mode);
      expect(of.setting.arm === against.setting.arm).toBe(question === 'objective');
    }
    expect(comparisons).toHaveLength(2 * 2 * (2 + 2));
  });

  it('has modes and shares of general text among what is swept', () => {
    const training = { residualFeatures: 64, mix: { corpus: 'sea', share: 0.3 } };
    const sweep = { mode: ['finetune', 'residual'], mixShare: [0, 0.5] };
    const { settings } = planOf({ training, sweep, controls: false });
    expect(ids(settings)).toEqual(
      ['finetune_mix0', 'finetune_mix0.5', 'residual_mix0', 'residual_mix0.5'].map((id) => `dense-tracin_erm_${id}`),
    );
    expect(settings.map(({ mixShare }) => mixShare)).toEqual([0, 0.5, 0, 0.5]);
    expect(planOf({ training: { mix: training.mix } }).settings.map(({ mixShare }) => mixShare)).toEqual([0.3, 0.3]);
    expect(planOf({}).primary.mixShare).toBe(0);
  });

  it('names what an objective is made of, and makes it so', () => {
    const objectives = [
      { kind: 'term', ess: 0.5, warmupSteps: 20 },
      { kind: 'term', tau: 1, innerTau: 0.5, tilts: 'reconstruction' },
    ];
    const { settings } = planOf({ objectives, controls: false });
    expect(ids(settings).map((id) => id.replace(/^[^_]*_/, ''))).toEqual([
      'term-ess0.5-warm20',
      'term-tau1-passages-tau0.5-reconstruction',
    ]);
    expect(settings.map(({ objective }) => objective)).toEqual([
      { kind: 'term', tilt: { kind: 'sample_size', share: 0.5 }, tilts: 'loss', warmupSteps: 20 },
      {
        ...{ kind: 'term', tilt: { kind: 'relative', tau: 1 }, tilts: 'reconstruction' },
        passages: { inner: { kind: 'relative', tau: 0.5 } },
      },
    ]);
  });

  it('is refused when it is too much', () => {
    const many = Array.from({ length: 32 }, (_, i) => i + 1);
    expect(() => planOf({ sweep: { selectionTokens: many, trainingTokens: many } })).toThrow('2048 dictionaries');
  });
});
