import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { availableEngines } from '../../test/reference/engines-under-test.ts';
import { referenceEngine } from '../../test/reference/engine.ts';
import { synthesise, writeActivations } from '../../test/synthetic-activations.ts';
import type { Engine } from '../compute/engine.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { Interrupted } from '../foundation/errors.ts';
import { unwatched, type JobControl } from '../foundation/progress.ts';
import type { TrainingPoint } from '../foundation/training-point.ts';
import { TrainRequest } from '../protocol/requests.ts';
import { trainDictionary, type TrainedDictionary } from './train.ts';

const D_IN = 8;
const ORIGIN = { model: null, modelHash: null, hookPoint: null, contextLength: null };

let folder: string;
let data: ActivationFolder;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-micro-'));
  data = await writeActivations(folder, synthesise(3000, D_IN, 12, 1), D_IN);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

function train(
  engine: Engine,
  changes: Record<string, unknown>,
  control: JobControl = unwatched,
): Promise<TrainedDictionary> {
  const request = TrainRequest.parse({
    ...{ data: { kind: 'activations', file: 'given' }, architecture: { kind: 'topk', k: 3 }, dSae: 24 },
    // Adam divides by |g| + ε: gradients that cancel to rounding noise are to move nothing.
    ...{ batch: 64, tokens: 64 * 6, output: 'o', seed: 3, optimizer: { learningRate: 3e-3, epsilon: 1e-2 } },
    ...changes,
  });
  return trainDictionary(request, data, { engine, origin: ORIGIN, outputFolder: join(folder, 'dictionary') }, control);
}

const history = async (): Promise<TrainingPoint[]> =>
  JSON.parse(await readFile(join(folder, 'dictionary', 'history.json'), 'utf8')) as TrainingPoint[];

const ARCHITECTURES = {
  topk: { kind: 'topk', k: 3 },
  relu: { kind: 'relu', l1: 0.05 },
  jumprelu: { kind: 'jumprelu', penalty: { kind: 'step', coefficient: 0.01 } },
  'jumprelu to a target': { kind: 'jumprelu', penalty: { kind: 'target_l0', target: 3 } },
  gated: { kind: 'gated', l1: 0.05 },
};
const TILTS = {
  erm: { kind: 'erm' },
  raw: { kind: 'term', tilt: { kind: 'raw', t: 0.2 } },
  relative: { kind: 'term', tilt: { kind: 'relative', tau: 1 } },
  'held sample size': { kind: 'term', tilt: { kind: 'sample_size', share: 0.4 } },
};

describe.each((await availableEngines()).filter(({ name }) => name === 'cpu' || name === 'wasm'))(
  'micro-batches on $name',
  ({ open }) => {
    const cases = Object.entries(ARCHITECTURES).flatMap(([title, architecture]) =>
      Object.entries(TILTS).map(([tilt, objective]) => ({ title: `${title}, ${tilt}`, architecture, objective })),
    );

    it.each(cases)('train the dictionary of the whole batch, to 1e-6: $title', async ({ architecture, objective }) => {
      await using engine = await open();
      const whole = await train(engine, { architecture, objective });
      const points = await history();
      const pieces = await train(engine, { architecture, objective, microBatch: 24 });
      for (const [step, point] of (await history()).entries()) {
        expect(Math.abs(point.loss / points[step]!.loss - 1)).toBeLessThan(1e-6);
        expect(Math.abs(point.effectiveSampleSize / points[step]!.effectiveSampleSize - 1)).toBeLessThan(1e-6);
        expect(point.l0).toBe(points[step]!.l0);
      }
      for (const [name, values] of Object.entries(whole.dictionary.parameters) as [string, Float32Array][]) {
        const others = pieces.dictionary.parameters[name as 'encoder'];
        const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
        values.forEach((value, i) => {
          expect(Math.abs(value - others[i]!), name).toBeLessThan(1e-6 * largest);
        });
      }
    });

    it('end with the same bytes when the run was stopped and resumed', async () => {
      await using engine = await open();
      const objective = TILTS.raw;
      const whole = await train(engine, { objective, microBatch: 24 });
      const stop = new AbortController();
      const control: JobControl = {
        signal: stop.signal,
        report: ({ done }) => {
          if (done >= 1) stop.abort();
        },
      };
      await expect(train(engine, { objective, microBatch: 24 }, control)).rejects.toThrow(Interrupted);
      const resumed = await train(engine, { objective, microBatch: 24, resume: true });
      expect(resumed.dictionary.contentHash).toBe(whole.dictionary.contentHash);
    });

    it('are refused by name where the selection is over the batch', async () => {
      await using engine = await open();
      const architecture = { kind: 'batchtopk', k: 3 };
      await expect(train(engine, { architecture, microBatch: 24 })).rejects.toThrow(
        /--micro-batch is 24, and a batchtopk dictionary selects over its whole batch/,
      );
    });
  },
);

describe('micro-batches', () => {
  it('are refused by an engine that takes whole batches only', async () => {
    await expect(train(referenceEngine, { microBatch: 24 })).rejects.toThrow(/takes whole batches only/);
  });
});
