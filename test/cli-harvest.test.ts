import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WorkError } from '../server/foundation/errors.ts';
import { run } from './cli-surroundings.ts';

const TRAIN = ['train', '--activations', 'acts.safetensors', '-o', './out', '--d-sae', '64'];

describe('a harvest that was called wrong is refused before anything is read, with', () => {
  it.each([
    [
      'that a share is above the number of shares',
      ['harvest', '--model', 'm', '--hook', 'h', '--corpus', 'c', '-o', 'x', '--shard', '17/16'],
      /--shard is "17\/16"; expected I\/N, the I-th of N shares, counted from 1: 1\/16 to 16\/16/,
    ],
    [
      'that a share is none',
      ['harvest', '--model', 'm', '--hook', 'h', '--corpus', 'c', '-o', 'x', '--shard', '0/16'],
      /--shard is "0\/16"/,
    ],
    [
      'that there is nothing to harvest',
      ['harvest', '--model', 'm', '--hook', 'h', '-o', 'x'],
      /nothing to harvest; expected --corpus or --selection/,
    ],
  ])('%s', async (_, words, message) => {
    const { status, errors, calls } = await run(words);
    expect(errors).toMatch(message);
    expect(status).toBe(2);
    expect(calls).toEqual([]);
  });
});

describe('options become the request', () => {
  it('of one share of a harvest', async () => {
    const source = ['harvest', '--model', 'm', '--hook', 'h', '--corpus', 'c', '-o', 'acts'];
    const { calls } = await run([...source, '--shard', '3/16', '--dtype', 'float16', '--tokens', '1e6'], {
      answers: { harvest: new WorkError('stop here') },
    });
    expect(calls.map(({ service }) => service)).toEqual(['harvest']);
    expect(calls[0]!.request).toEqual({
      ...{ model: 'm', hookPoint: 'h', text: { kind: 'corpus', corpus: 'c' }, tokens: 1_000_000, dtype: 'float16' },
      ...{ shard: { index: 3, count: 16 }, seed: 0, output: resolve('acts') },
    });
  });

  it('of training within a limit of memory', async () => {
    const { calls } = await run([...TRAIN, '--memory', '1.5'], { answers: { train: new WorkError('stop here') } });
    expect(calls[0]!.request).toMatchObject({ memory: 1.5 * 2 ** 30 });
  });
});
