import { describe, expect, it } from 'vitest';
import { WorkError } from '../server/foundation/errors.ts';
import { run } from './cli-surroundings.ts';

const TRAIN = ['train', '--activations', 'acts.safetensors', '-o', './out', '--d-sae', '64'];
const FINETUNE = ['finetune', '--from', 'g', '--activations', 'acts.safetensors', '-o', './out'];

describe('a wrong call of training says', () => {
  it.each<[string, string[], RegExp]>([
    ['that tilts exclude each other', [...TRAIN, '--tau', '1', '--ess', '0.5'], /--tau is 1 and --ess is 0\.5/],
    [
      'that the mean has no tilt',
      [...TRAIN, '--objective', 'erm', '--ess', '0.5'],
      /tilt was given with --objective erm/,
    ],
    [
      'that a warm-up needs a tilt',
      [...TRAIN, '--tilt-warmup', '5'],
      /--tilt-warmup is 5 without a tilt; expected --ess/,
    ],
    ['that a share of the steps with --kl needs --kl', [...TRAIN, '--kl-share', '0.2'], /expected --kl too/],
    ['that an inner tilt needs passages', [...TRAIN, '--tau', '1', '--inner-tau', '2'], /expected --passages too/],
    ['that a mode misses what it needs', [...FINETUNE, '--mode', 'residual'], /--residual-features is missing/],
    ['what is of another mode', [...FINETUNE, '--train-latents', 'dead'], /--train-latents is dead.*--mode finetune/],
    [
      'that a list of features is none',
      [...FINETUNE, '--mode', 'partial', '--train-latents', 'no/such'],
      /"no\/such", which is no file; expected "dead"/,
    ],
    ['that general text has no source', [...FINETUNE, '--mix', '0.5'], /--mix SHARE with --mix-corpus or/],
    [
      'that activations name no model for a corpus',
      [...FINETUNE, '--mix', '0.5', '--mix-corpus', 'c'],
      /expected --mix-activations/,
    ],
    ['that a share is at most 1', [...TRAIN, '--ess', '1.5'], /--ess is "1\.5"; expected a number above 0/],
  ])('%s', async (_, words, message) => {
    const { status, errors, calls } = await run(words);
    expect(errors).toMatch(message);
    expect(status).toBe(2);
    expect(calls).toEqual([]);
  });
});

describe('options of training become the request', () => {
  it('of an objective that tilts passages and holds the effective sample size', async () => {
    const words = [...TRAIN, '--ess', '0.5', '--tilt-warmup', '100', '--passages', '--inner-tau', '0.5'];
    const { calls } = await run(words, { answers: { train: new WorkError('') } });
    expect(calls[0]!.request).toMatchObject({
      objective: {
        ...{ kind: 'term', tilt: { kind: 'sample_size', share: 0.5 }, tilts: 'loss', warmupSteps: 100 },
        passages: { inner: { kind: 'relative', tau: 0.5 } },
      },
    });
  });

  it('of a run that keeps the model’s predictions at its end', async () => {
    const words = [...TRAIN, '--kl', '0.5', '--kl-share', '0.2'];
    const { calls } = await run(words, { answers: { train: new WorkError('') } });
    expect(calls[0]!.request).toMatchObject({ divergence: { coefficient: 0.5, share: 0.2 } });
  });

  it('of the type of moments, which is left out where it is float32', async () => {
    const asked = async (words: string[]): Promise<unknown> =>
      (await run([...TRAIN, ...words], { answers: { train: new WorkError('') } })).calls[0]!.request;
    expect(await asked(['--moments', 'bfloat16'])).toMatchObject({ moments: 'bfloat16' });
    expect(await asked(['--moments', 'float32'])).not.toHaveProperty('moments');
    const { errors, calls } = await run([...TRAIN, '--moments', 'float16']);
    expect(errors).toMatch(/--moments/);
    expect(calls).toEqual([]);
  });

  it('of finetuning in part, with general text mixed in', async () => {
    const mix = ['--mix', '0.25', '--mix-activations', '/general.safetensors'];
    const words = [...FINETUNE, '--mode', 'partial', '--train-latents', 'dead', ...mix];
    const { calls } = await run(words, { answers: { finetune: new WorkError('') } });
    expect(calls[0]!.request).toMatchObject({
      ...{ mode: 'partial', latents: { kind: 'dead' }, residualFeatures: null },
      mix: { share: 0.25, data: { kind: 'activations', file: '/general.safetensors' } },
    });
  });
});
