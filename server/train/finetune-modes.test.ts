import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { referenceEngine } from '../../test/reference/engine.ts';
import { synthesise, writeActivations } from '../../test/synthetic-activations.ts';
import type { Engine, SparseFeatures } from '../compute/engine.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { Interrupted, UsageError } from '../foundation/errors.ts';
import { unwatched, type JobControl } from '../foundation/progress.ts';
import { FinetuneRequest, TrainRequest } from '../protocol/requests.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import { loadDictionary } from '../sae/dictionary-store.ts';
import { finetuneDictionary, trainDictionary, type TrainedDictionary } from './train.ts';

const D_IN = 8;
const GENERAL = 24;
const origin = { model: 'builtin', modelHash: null, hookPoint: 'blocks.0.hook_resid_post', contextLength: 128 };

let folder: string;
let general: ActivationFolder;
let domain: ActivationFolder;
let relu: Dictionary;
let topk: Dictionary;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-modes-'));
  const write = async (seed: number): Promise<ActivationFolder> =>
    writeActivations(await mkdtemp(join(folder, 'a-')), synthesise(2000, D_IN, 12, seed), D_IN);
  [general, domain] = [await write(1), await write(5)];
  relu = await trainGeneral({ kind: 'relu', l1: 0.05 }, 'relu');
  topk = await trainGeneral({ kind: 'topk', k: 3 }, 'topk');
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function trainGeneral(architecture: Record<string, unknown>, name: string): Promise<Dictionary> {
  const request = TrainRequest.parse({
    ...{ data: { kind: 'activations', file: 'given' }, architecture, dSae: GENERAL, batch: 64, tokens: 64 * 150 },
    ...{ output: 'o', optimizer: { learningRate: 3e-3 } },
  });
  const context = { engine: referenceEngine, origin, outputFolder: join(folder, name) };
  return (await trainDictionary(request, general, context, unwatched)).dictionary;
}

let output: string;
let outputs = 0;
beforeEach(() => {
  output = join(folder, `made-${outputs++}`);
});

interface Given {
  readonly from?: Dictionary;
  readonly mixed?: ActivationFolder | null;
  readonly control?: JobControl;
  readonly engine?: Engine;
}

function finetune(
  changes: Record<string, unknown>,
  { from = relu, mixed = null, control = unwatched, engine = referenceEngine }: Given = {},
): Promise<TrainedDictionary> {
  const request = FinetuneRequest.parse({
    ...{ data: { kind: 'activations', file: 'given' }, batch: 64, tokens: 64 * 60, from: 'f', output: 'o', seed: 3 },
    ...{ optimizer: { learningRate: 3e-3 }, checkpointEverySteps: 7 },
    ...changes,
  });
  return finetuneDictionary(request, from, domain, mixed, { engine, origin, outputFolder: output }, control);
}

async function encode({ shape, parameters }: Dictionary, rows: Float32Array): Promise<SparseFeatures> {
  await using dictionary = await referenceEngine.dictionary(shape, parameters);
  return await dictionary.encode(rows);
}

const reconstruct = async ({ shape, parameters }: Dictionary, rows: Float32Array): Promise<Float32Array> => {
  await using dictionary = await referenceEngine.dictionary(shape, parameters);
  return await dictionary.decode(await dictionary.encode(rows));
};

async function artifacts(): Promise<Record<string, string>> {
  const names = (await readdir(output)).filter((name) => name !== 'timing.json');
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(output, name), 'hex')] as const)),
  );
}

/** Stops a run in its n-th step. */
async function stopAt(step: number, changes: Record<string, unknown>, given: Given = {}): Promise<void> {
  const controller = new AbortController();
  let steps = 0;
  const engine: Engine = {
    ...referenceEngine,
    trainer: async (shape, start) => {
      const trainer = await referenceEngine.trainer(shape, start);
      const forward = trainer.forward.bind(trainer);
      trainer.forward = (batch, settings) => {
        if (++steps === step) controller.abort();
        return forward(batch, settings);
      };
      return trainer;
    },
  };
  const control = { ...unwatched, signal: controller.signal };
  await expect(finetune({ ...changes, resume: true }, { ...given, engine, control })).rejects.toThrow(Interrupted);
}

/** As if never stopped: a run that was stopped twice gives the bytes of one that was not. */
async function expectResumes(changes: Record<string, unknown>, given: Given = {}): Promise<void> {
  await finetune(changes, given);
  const whole = await artifacts();
  output = `${output}-resumed`;
  await stopAt(9, changes, given);
  await stopAt(11, changes, given);
  await finetune({ ...changes, resume: true }, given);
  expect(await artifacts()).toEqual(whole);
}

const residual = { mode: 'residual', residualFeatures: 16 };

describe('the amount of finetuning', () => {
  it('is chosen by the rows where nobody says, and told before it begins', async () => {
    const notices: string[] = [];
    const control: JobControl = { ...unwatched, report: ({ notice }) => notices.push(notice ?? '') };
    const { result } = await finetune({ batch: undefined, tokens: undefined }, { control });
    expect(result).toMatchObject({ steps: 282, tokens: 282 * 128 });
    expect(notices[0]).toBe('282 steps of 128 tokens, 20 passes over 1,800 rows');
  });
});

describe('a residual dictionary', () => {
  it('stands beside the general one, whose features keep their numbers and every bit', async () => {
    const { dictionary, result } = await finetune(residual);
    expect(result.dSae).toBe(GENERAL + 16);
    const { parameters } = dictionary;
    expect(parameters.encoder.subarray(0, GENERAL * D_IN)).toEqual(relu.parameters.encoder);
    expect(parameters.encoderBias.subarray(0, GENERAL)).toEqual(relu.parameters.encoderBias);
    expect(parameters.decoder.subarray(0, GENERAL * D_IN)).toEqual(relu.parameters.decoder);
    expect(parameters.decoderBias).toEqual(relu.parameters.decoderBias);
    expect(await loadDictionary(output)).toEqual(dictionary);
  });

  it('adds features to what the general one reconstructs, and nothing where they are silent', async () => {
    const { dictionary } = await finetune(residual);
    const rows = synthesise(200, D_IN, 12, 1);
    const [before, after] = [await encode(relu, rows), await encode(dictionary, rows)];
    const [old, joined] = [await reconstruct(relu, rows), await reconstruct(dictionary, rows)];
    let silent = 0;
    for (let token = 0; token < 200; token++) {
      const now = [...after.features.subarray(after.offsets[token], after.offsets[token + 1])];
      const was = [...before.features.subarray(before.offsets[token], before.offsets[token + 1])];
      expect(now.filter((feature) => feature < GENERAL)).toEqual(was);
      if (now.length > was.length) continue;
      silent++;
      expect(joined.subarray(token * D_IN, (token + 1) * D_IN)).toEqual(old.subarray(token * D_IN, (token + 1) * D_IN));
    }
    expect(silent).toBeLessThan(200);
  });

  it('reconstructs the domain better than the general one', async () => {
    const idle = await finetune({ optimizer: { learningRate: 1e-30, warmupSteps: 0 } });
    output = `${output}-residual`;
    const { result } = await finetune({ ...residual, tokens: 64 * 300 });
    expect(result.final.explainedVariance).toBeGreaterThan(idle.result.final.explainedVariance + 0.05);
  });

  it('ends with the same bytes when resumed', async () => {
    await expectResumes(residual);
  });

  it('of a batchtopk one is trained by its own k and stored beside it with thresholds', async () => {
    const from = await trainGeneral({ kind: 'batchtopk', k: 3 }, 'batchtopk');
    const { dictionary } = await finetune(residual, { from });
    expect(dictionary.shape.architecture.kind).toBe('jumprelu');
    expect(dictionary.parameters.threshold).toHaveLength(GENERAL + 16);
    expect(dictionary.parameters.threshold!.subarray(0, GENERAL)).toEqual(from.parameters.threshold);
    expect(dictionary.parameters.encoder.subarray(0, GENERAL * D_IN)).toEqual(from.parameters.encoder);
    expect(await loadDictionary(output)).toEqual(dictionary);
  });

  it('is refused where features compete for places, and without a size', async () => {
    await expect(finetune(residual, { from: topk })).rejects.toThrow(/\(topk\) compete for k places.*--mode partial/);
    await expect(finetune({ mode: 'residual' })).rejects.toThrow(/expected --residual-features/);
  });
});

describe('training in part', () => {
  const chosen = { mode: 'partial', latents: { kind: 'chosen', features: [2, 7] } };

  it('moves the chosen features and no bit of the others', async () => {
    const { dictionary } = await finetune(chosen);
    for (let feature = 0; feature < GENERAL; feature++) {
      const rowOf = (matrix: Float32Array): Float32Array => matrix.subarray(feature * D_IN, (feature + 1) * D_IN);
      const same = Buffer.from(rowOf(dictionary.parameters.decoder)).equals(
        Buffer.from(rowOf(relu.parameters.decoder)),
      );
      expect(rowOf(dictionary.parameters.encoder)).toSatisfy((row: Float32Array) =>
        [2, 7].includes(feature) ? true : row.every((value, i) => value === rowOf(relu.parameters.encoder)[i]),
      );
      if (![2, 7].includes(feature)) {
        expect(same).toBe(true);
        expect(dictionary.parameters.encoderBias[feature]).toBe(relu.parameters.encoderBias[feature]);
      }
    }
    expect(dictionary.parameters.decoder).not.toEqual(relu.parameters.decoder);
    expect(dictionary.parameters.decoderBias).toEqual(relu.parameters.decoderBias);
  });

  it('of dead features trains those that never fired where it was counted', async () => {
    const shares = Float32Array.from({ length: GENERAL }, (_, feature) => (feature === 4 ? 0 : 0.1));
    const from = { ...topk, densities: { shares, tokens: 1000 } };
    const { dictionary } = await finetune({ mode: 'partial', latents: { kind: 'dead' } }, { from });
    dictionary.parameters.encoder.forEach((value, at) => {
      if (Math.floor(at / D_IN) !== 4) expect(value).toBe(topk.parameters.encoder[at]);
    });
  });

  it('of dead features that have no gradient starts them anew, so that they fire and explain more', async () => {
    const parameters = { ...relu.parameters, encoderBias: relu.parameters.encoderBias.slice() };
    const shares = new Float32Array(GENERAL).fill(0.1);
    for (const feature of [1, 5, 9]) {
      parameters.encoderBias[feature] = -1e6;
      shares[feature] = 0;
    }
    const from = { ...relu, parameters, densities: { shares, tokens: 1000 } };
    const before = await finetune({ optimizer: { learningRate: 1e-30, warmupSteps: 0 } }, { from });
    output = `${output}-revived`;
    const dead = { mode: 'partial', latents: { kind: 'dead' }, tokens: 64 * 200 };
    const { dictionary, result } = await finetune(dead, { from });
    expect(result.final.explainedVariance).toBeGreaterThan(before.result.final.explainedVariance + 0.01);
    expect(dictionary.densities!.shares[1]).toBeGreaterThan(0);
    expect(dictionary.parameters.encoderBias[2]).toBe(relu.parameters.encoderBias[2]);
  });

  it('ends with the same bytes when resumed', async () => {
    await expectResumes(chosen);
  });

  it('is refused without features, with features that there are not, or where none is known to be dead', async () => {
    await expect(finetune({ mode: 'partial' })).rejects.toThrow(/expected --train-latents dead, or a file/);
    const absent = { mode: 'partial', latents: { kind: 'chosen', features: [24] } };
    await expect(finetune(absent)).rejects.toThrow(/has feature 24, but .* has 24; expected 0 to 23/);
    const dead = { mode: 'partial', latents: { kind: 'dead' } };
    await expect(finetune(dead, { from: { ...relu, densities: null } })).rejects.toThrow(/ssae dictionary count/);
    const alive = { shares: new Float32Array(GENERAL).fill(0.1), tokens: 10 };
    await expect(finetune(dead, { from: { ...relu, densities: alive } })).rejects.toThrow(UsageError);
  });
});

describe('general text that is mixed in', () => {
  const mix = { mix: { data: { kind: 'activations', file: 'general' }, share: 0.3 } };

  it('is forgotten less', async () => {
    const rows = synthesise(2000, D_IN, 12, 1);
    const errorOf = async ({ dictionary }: TrainedDictionary): Promise<number> =>
      (await reconstruct(dictionary, rows)).reduce((sum, value, at) => sum + (value - rows[at]!) ** 2, 0);
    const long = { tokens: 64 * 200 };
    const alone = await errorOf(await finetune(long, { from: topk }));
    output = `${output}-mixed`;
    const mixed = await finetune({ ...long, ...mix }, { from: topk, mixed: general });
    expect(await errorOf(mixed)).toBeLessThan(0.9 * alone);
    expect(mixed.result.heldOut.splitHash).not.toBe((await finetune({ tokens: 64 })).result.heldOut.splitHash);
  });

  it('ends with the same bytes when resumed, with a held effective sample size too', async () => {
    const objective = { kind: 'term', tilt: { kind: 'sample_size', share: 0.5 }, warmupSteps: 10 };
    await expectResumes({ ...mix, objective }, { mixed: general });
  });
});
