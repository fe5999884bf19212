import { copyFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { availableEngines } from '../../test/reference/engines-under-test.ts';
import { synthesise, writeActivations } from '../../test/synthetic-activations.ts';
import type { Engine } from '../compute/engine.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { Interrupted } from '../foundation/errors.ts';
import { unwatched, type JobControl } from '../foundation/progress.ts';
import { SafetensorsFile } from '../foundation/safetensors.ts';
import { TrainRequest } from '../protocol/requests.ts';
import { checkpointPath } from './checkpoint.ts';
import { gpuStepOf } from './engine-succession.ts';
import { trainDictionary, type TrainedDictionary } from './train.ts';
import { planTraining } from './training-plan.ts';
import { gpuShortfall } from '../compute/webgpu/predicted-memory.ts';

const D_IN = 8;
const ORIGIN = { model: null, modelHash: null, hookPoint: null, contextLength: null };

let folder: string;
let data: ActivationFolder;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-moments-'));
  data = await writeActivations(folder, synthesise(3000, D_IN, 12, 1), D_IN);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

function requestOf(changes: Record<string, unknown>): TrainRequest {
  return TrainRequest.parse({
    ...{ data: { kind: 'activations', file: 'given' }, architecture: { kind: 'topk', k: 3 }, dSae: 24 },
    ...{ batch: 64, tokens: 64 * 20, output: 'o', seed: 3, moments: 'bfloat16' },
    ...changes,
  });
}

function train(
  engine: Engine,
  changes: Record<string, unknown>,
  control: JobControl = unwatched,
): Promise<TrainedDictionary> {
  const place = { engine, origin: ORIGIN, outputFolder: join(folder, 'dictionary') };
  return trainDictionary(requestOf(changes), data, place, control);
}

/** Stops a run right after so many steps, with a checkpoint. */
async function interrupted(engine: Engine, steps: number, changes: Record<string, unknown>): Promise<void> {
  const asked = new AbortController();
  const control: JobControl = {
    signal: asked.signal,
    report: ({ stage, done }) => {
      if (stage === 'training' && done >= steps) asked.abort();
    },
  };
  await expect(train(engine, changes, control)).rejects.toThrow(Interrupted);
}

const weights = (): Promise<Buffer> => readFile(join(folder, 'dictionary', 'sae_weights.safetensors'));

describe.each((await availableEngines()).filter(({ name }) => name === 'cpu' || name === 'wasm'))(
  'a run with moments in bfloat16 on $name',
  ({ open }) => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await open();
    });
    afterAll(() => engine[Symbol.asyncDispose]());

    it.each([
      { title: 'topk', changes: {} },
      { title: 'topk in micro-batches', changes: { microBatch: 24 } },
      { title: 'relu, with dead features re-initialised', changes: { architecture: { kind: 'relu', l1: 0.05 } } },
    ])('goes on from its checkpoint to the same bytes: $title', async ({ changes }) => {
      await train(engine, changes);
      const whole = await weights();
      await interrupted(engine, 1, changes);
      await train(engine, { ...changes, resume: true });
      expect((await weights()).equals(whole)).toBe(true);
      await train(engine, { ...changes, moments: 'float32' });
      expect((await weights()).equals(whole)).toBe(false);
    });

    it('stores moments of matrices as they are held, and is not taken up by a run with float32 ones', async () => {
      const path = checkpointPath(join(folder, 'dictionary'));
      await interrupted(engine, 1, { moments: 'float32' });
      const wide = (await stat(path)).size;
      await expect(train(engine, { resume: true })).rejects.toThrow(
        /of another run \(plan\.moments: undefined in the checkpoint, "bfloat16" now\)/,
      );
      await interrupted(engine, 1, {});
      const matrices = 2 * D_IN * 24;
      expect(wide - (await stat(path)).size).toBeGreaterThan(2 * 2 * matrices - 200);
      await copyFile(path, `${path}.copy`);
      await using file = await SafetensorsFile.open(`${path}.copy`);
      expect(file.entry('secondMoment.encoder').dtype).toBe('BF16');
      expect(file.entry('secondMoment.encoderBias').dtype).toBe('F32');
      expect(file.entry('parameters.encoder').dtype).toBe('F32');
      await expect(train(engine, { moments: 'float32', resume: true })).rejects.toThrow(
        /plan\.moments: "bfloat16" in the checkpoint, undefined now/,
      );
      await train(engine, { resume: true });
    });
  },
);

describe('moments in bfloat16', () => {
  it.each(['webgpu', 'tensorflow'] as const)('are refused before anything is done where --engine is %s', (engine) => {
    expect(() => planTraining(requestOf({ engine }), { dIn: D_IN }, 2700)).toThrow(
      `--moments is bfloat16, and the engine ${engine} keeps float32 moments only; expected --engine cpu or wasm, or no --moments`,
    );
  });

  it('keep a run that chooses its engine itself from the GPU', () => {
    const plan = planTraining(requestOf({ engine: 'auto' }), { dIn: D_IN }, 2700);
    expect(gpuShortfall(gpuStepOf(plan), 'a GPU', 2 ** 30)).toMatch(/keeps float32 moments only/);
    const wide = planTraining(requestOf({ engine: 'auto', moments: 'float32' }), { dIn: D_IN }, 2700);
    expect(gpuShortfall(gpuStepOf(wide), 'a GPU', 2 ** 30)).toBeNull();
  });
});
