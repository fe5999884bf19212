import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { computedBySaeLens, saeLensAbsent } from '../../test/saelens-peer.ts';
import { synthesise } from '../../test/synthetic-activations.ts';
import type { Engine } from '../compute/engine.ts';
import { openEngine } from '../compute/engines.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { Interrupted, UsageError } from '../foundation/errors.ts';
import { unwatched, type JobControl } from '../foundation/progress.ts';
import { writeSafetensors } from '../foundation/safetensors.ts';
import { FinetuneRequest, TrainRequest } from '../protocol/requests.ts';
import { loadDictionary } from '../sae/dictionary-store.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import { reconstruct } from '../sae/reconstruct.ts';
import { openActivationFile, openTranscoderFile } from './activation-file.ts';
import { finetuneDictionary, trainDictionary, type TrainedDictionary } from './train.ts';

const [ROWS, D_IN, D_OUT, D_SAE] = [3000, 8, 5, 24];
const STEPS = 400;
const origin = { model: null, modelHash: null, hookPoint: null, contextLength: null };

let engine: Engine;
let folder: string;
let data: ActivationFolder;
let mapped: ActivationFolder;
beforeAll(async () => {
  engine = await openEngine('auto', { threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'ssae-architectures-'));
  const path = join(folder, 'rows.safetensors');
  const rows = synthesise(ROWS, D_IN, 12, 1);
  // A nonlinear map into another space, of another size: absolute values of the first columns, times 10.
  const targets = Float32Array.from(
    { length: ROWS * D_OUT },
    (_, at) => 10 * Math.abs(rows[Math.floor(at / D_OUT) * D_IN + (at % D_OUT)]!),
  );
  await writeSafetensors(path, {
    activations: { dtype: 'F32', shape: [ROWS, D_IN], data: rows },
    targets: { dtype: 'F32', shape: [ROWS, D_OUT], data: targets },
  });
  data = await openActivationFile(path);
  mapped = await openTranscoderFile(path, null);
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

let output: string;
let outputs = 0;
beforeEach(() => {
  output = join(folder, `dictionary-${outputs++}`);
});

const KINDS: readonly (readonly [string, object, number])[] = [
  ['topk', { kind: 'topk', k: 3 }, 0.9],
  ['topk, rescaled', { kind: 'topk', k: 3, rescaledByDecoderNorm: true }, 0.85],
  ['batchtopk', { kind: 'batchtopk', k: 3 }, 0.85],
  ['batchtopk, rescaled', { kind: 'batchtopk', k: 3, rescaledByDecoderNorm: true }, 0.8],
  ['matryoshka', { kind: 'matryoshka', k: 3, prefixes: { kind: 'widths', widths: [12] } }, 0.8],
  ['matryoshka, sampled', { kind: 'matryoshka', k: 3, prefixes: { kind: 'sampled', levels: 3 } }, 0.7],
  ['relu', { kind: 'relu', l1: 0.05 }, 0.8],
  ['jumprelu', { kind: 'jumprelu', penalty: { kind: 'step', coefficient: 0.05 } }, 0.8],
  ['jumprelu, tanh', { kind: 'jumprelu', penalty: { kind: 'tanh', coefficient: 0.05 } }, 0.8],
  ['jumprelu, target', { kind: 'jumprelu', penalty: { kind: 'target_l0', target: 4 }, bandwidth: 0.5 }, 0.7],
  ['gated', { kind: 'gated', l1: 0.05 }, 0.8],
  ['gated, as SAELens', { kind: 'gated', l1: 0.05, variant: 'saelens' }, 0.8],
  ['transcoder', { kind: 'transcoder', features: { kind: 'relu', l1: 0.05 } }, 0.7],
  ['skip transcoder', { kind: 'transcoder', features: { kind: 'batchtopk', k: 4 }, skip: true }, 0.7],
  ['jumprelu transcoder', { kind: 'transcoder', features: { kind: 'jumprelu' }, skip: true }, 0.7],
];

const dataFor = (architecture: object): ActivationFolder =>
  'kind' in architecture && architecture.kind === 'transcoder' ? mapped : data;

function train(
  architecture: object,
  changes: Record<string, unknown> = {},
  control: JobControl = unwatched,
): Promise<TrainedDictionary> {
  const request = TrainRequest.parse({
    data: { kind: 'activations', file: 'given' },
    ...{ architecture, dSae: D_SAE, batch: 64, tokens: 64 * STEPS, output: 'o', seed: 3 },
    ...{ optimizer: { learningRate: 3e-3 }, checkpointEverySteps: 1000 },
    ...changes,
  });
  return trainDictionary(request, dataFor(architecture), { engine, origin, outputFolder: output }, control);
}

async function artifacts(of: string): Promise<Record<string, string>> {
  const names = (await readdir(of)).filter((name) => name !== 'timing.json');
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(of, name), 'hex')] as const)),
  );
}

/** A control whose owner asks to stop at a report of this step or a later one. */
function stoppingAt(step: number): JobControl {
  const controller = new AbortController();
  return {
    ...unwatched,
    signal: controller.signal,
    report: ({ stage, done }) => {
      if (stage === 'training' && done >= step) controller.abort();
    },
  };
}

describe('every architecture', () => {
  it.each(KINDS)('%s reconstructs rows it never saw, as it is stored', async (_, architecture, explained) => {
    const { dictionary, result } = await train(architecture);
    expect(result.architecture).toBe((architecture as { kind: string }).kind);
    expect(result.final.explainedVariance).toBeGreaterThan(explained);
    expect(await loadDictionary(output)).toEqual(dictionary);
    expect(dictionary.trainedAs).toMatchObject(architecture);
  });

  it.each(KINDS)('%s ends with the same bytes when it is stopped and resumed', async (_, architecture) => {
    const short = { tokens: 64 * 40, checkpointEverySteps: 7 };
    await train(architecture, short);
    const whole = await artifacts(output);
    output = `${output}-resumed`;
    const stopped = train(architecture, { ...short, resume: true }, stoppingAt(1));
    await expect(stopped).rejects.toThrow(Interrupted);
    await train(architecture, { ...short, resume: true });
    expect(await artifacts(output)).toEqual(whole);
  });

  it.each(KINDS)('%s starts finetuning from its weights', async (_, architecture) => {
    const { dictionary } = await train(architecture, { tokens: 64 * 40 });
    const idle = FinetuneRequest.parse({
      data: { kind: 'activations', file: 'given' },
      ...{ batch: 64, tokens: 64, seed: 3, from: 'f', output: 'o' },
      optimizer: { learningRate: 1e-30, warmupSteps: 0 },
    });
    const context = { engine, origin, outputFolder: `${output}-tuned` };
    const tuned = await finetuneDictionary(idle, dictionary, dataFor(architecture), null, context, unwatched);
    expect(tuned.dictionary.shape).toEqual(dictionary.shape);
    expectClose(tuned.dictionary, dictionary);
  });
});

function expectClose({ parameters: got }: Dictionary, { parameters: want }: Dictionary): void {
  expect(Object.keys(got)).toEqual(Object.keys(want));
  // The threshold is an average that every batch moves.
  for (const name of ['encoder', 'encoderBias', 'decoder', 'decoderBias', 'magnitudeScale', 'skip'] as const)
    got[name]?.forEach((value, i) => {
      expect(value).toBeCloseTo(want[name]![i]!, 4);
    });
}

describe('a batchtopk dictionary', () => {
  it.each([40, STEPS])('has its k on average when it is read with a threshold, after %d steps', async (steps) => {
    const { result } = await train({ kind: 'batchtopk', k: 3 }, { tokens: 64 * steps });
    expect(result.final.l0).toBeGreaterThan(2.4);
    expect(result.final.l0).toBeLessThan(3.6);
  });
});

describe('a jumprelu dictionary with a target', () => {
  it.each([
    [3, 1, 0.5],
    [3, STEPS, 0.25],
    [6, 1, 0.5],
    [6, STEPS, 0.25],
  ])(
    'of %d active features is near it after %d steps, with nothing but the target given',
    async (target, steps, apart) => {
      const wanted = { kind: 'jumprelu', penalty: { kind: 'target_l0', target } };
      const { result } = await train(wanted, { tokens: 64 * steps });
      expect(Math.abs(result.final.l0 / target - 1)).toBeLessThan(apart);
    },
  );

  it.each([2, 6])('of %d active features comes near it', async (target) => {
    const penalty = { kind: 'target_l0', target, coefficient: 300 };
    const { result } = await train(
      { kind: 'jumprelu', bandwidth: 1, initialThreshold: 0.5, penalty },
      { tokens: 64 * 1000 },
    );
    expect(Math.abs(result.final.l0 / target - 1)).toBeLessThan(0.25);
  });
});

describe('targets', () => {
  const transcoder = { kind: 'transcoder', features: { kind: 'relu' } };
  const request = (architecture: object): TrainRequest =>
    TrainRequest.parse({ data: { kind: 'activations', file: 'x' }, architecture, dSae: D_SAE, output: 'o' });
  const context = (): Parameters<typeof trainDictionary>[2] => ({
    ...{ engine, origin, outputFolder: output },
  });

  it('are needed by a transcoder and refused by others', async () => {
    await expect(trainDictionary(request(transcoder), data, context(), unwatched)).rejects.toThrow(
      /a transcoder needs targets/,
    );
    const topk = trainDictionary(request({ kind: 'topk', k: 3 }), mapped, context(), unwatched);
    await expect(topk).rejects.toThrow(UsageError);
  });

  it('of another number of rows are refused', async () => {
    const path = join(folder, 'short.safetensors');
    const values = synthesise(10, D_OUT, 4, 1);
    await writeSafetensors(path, { activations: { dtype: 'F32', shape: [10, D_OUT], data: values } });
    await expect(openTranscoderFile(data.shards[0]!.path, path)).rejects.toThrow(
      /tensor "activations" has 10 rows, the activations have 3000/,
    );
  });
});

describe.skipIf(saeLensAbsent !== '')(`SAELens${saeLensAbsent}`, () => {
  it('loads what training stores and reconstructs the same', { timeout: 300_000 }, async () => {
    const rows = synthesise(50, D_IN, 12, 9);
    const trained: TrainedDictionary[] = [];
    for (const [, architecture] of KINDS) {
      output = join(folder, `dictionary-${outputs++}`);
      trained.push(await train(architecture, { tokens: 64 * 100 }));
    }
    const folders = trained.map(({ result }) => result.path);
    for (const [i, { reconstruction }] of (await computedBySaeLens(folders, rows, D_IN)).entries()) {
      const { shape, parameters } = trained[i]!.dictionary;
      await using loaded = await engine.dictionary(shape, parameters);
      const mine = await reconstruct(loaded, parameters, await loaded.encode(rows), rows);
      const most = reconstruction.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
      const apart = mine.reduce((largest, value, at) => Math.max(largest, Math.abs(value - reconstruction[at]!)), 0);
      expect(apart, KINDS[i]![0]).toBeLessThan(1e-5 * most);
    }
  });
});
