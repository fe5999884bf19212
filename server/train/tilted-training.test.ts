import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { referenceEngine } from '../../test/reference/engine.ts';
import { synthesise, writeActivations } from '../../test/synthetic-activations.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { unwatched } from '../foundation/progress.ts';
import type { TrainingPoint } from '../foundation/training-point.ts';
import { TrainRequest } from '../protocol/requests.ts';
import { trainDictionary, type TrainedDictionary } from './train.ts';

const D_IN = 8;

let folder: string;
let output: string;
let data: ActivationFolder;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-tilted-'));
  output = join(folder, 'dictionary');
  data = await writeActivations(folder, synthesise(3000, D_IN, 12, 1), D_IN);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

function train(objective: Record<string, unknown>, activations = data): Promise<TrainedDictionary> {
  const request = TrainRequest.parse({
    ...{ data: { kind: 'activations', file: 'given' }, architecture: { kind: 'topk', k: 3 }, dSae: 24, objective },
    ...{ batch: 64, tokens: 64 * 40, output: 'o', seed: 3, optimizer: { learningRate: 3e-3 } },
  });
  const origin = { model: null, modelHash: null, hookPoint: null, contextLength: null };
  return trainDictionary(request, activations, { engine: referenceEngine, origin, outputFolder: output }, unwatched);
}

describe('training with a tilt', () => {
  it('holds the effective sample size that was asked for at every step', async () => {
    const { result } = await train({ kind: 'term', tilt: { kind: 'sample_size', share: 0.25 } });
    const history = JSON.parse(await readFile(join(output, 'history.json'), 'utf8')) as TrainingPoint[];
    for (const { effectiveSampleSize, tilt } of history) {
      expect(Math.abs(effectiveSampleSize / 16 - 1)).toBeLessThan(1e-9);
      expect(tilt).toBeGreaterThan(0);
    }
    expect(new Set(history.map(({ tilt }) => tilt)).size).toBe(40);
    expect(result).toMatchObject({ objective: 'term', tilt: null, tau: null, sampleSizeShare: 0.25 });
    expect(result.final.effectiveSampleSize).toBeCloseTo(16, 6);
  });

  it('tilts passages where the activations say what they are, and else says what to do', async () => {
    const objective = { kind: 'term', tilt: { kind: 'relative', tau: 1 }, passages: { inner: { kind: 'raw', t: 0 } } };
    await expect(train(objective)).rejects.toThrow(/which rows belong to one passage; train on --corpus/);
    const [shard] = data.shards;
    const sequences = Array.from({ length: 150 }, (_, i) => ({ key: `text ${i}`, rows: 20 }));
    const texts = { ...data, shards: [{ ...shard!, sequences }] };
    const { result } = await train(objective, texts);
    expect(result.final.effectiveSampleSize).toBeGreaterThan(1);
    expect(result.final.effectiveSampleSize).toBeLessThan(64);
  });

  it('refuses an effective sample size of less than a token', async () => {
    const refused = train({ kind: 'term', tilt: { kind: 'sample_size', share: 0.01 } });
    await expect(refused).rejects.toThrow(/--ess is 0\.01 of a batch of 64 tokens.*at least 0\.015625/);
  });
});
