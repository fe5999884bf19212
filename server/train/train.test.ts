import { renameSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { referenceEngine } from '../../test/reference/engine.ts';
import { synthesise, writeActivations } from '../../test/synthetic-activations.ts';
import type { Engine, ForwardResult } from '../compute/engine.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { Interrupted, UsageError, WorkError } from '../foundation/errors.ts';
import { unwatched, type JobControl } from '../foundation/progress.ts';
import { FinetuneRequest, TrainRequest } from '../protocol/requests.ts';
import { loadDictionary } from '../sae/dictionary-store.ts';
import { checkpointPath } from './checkpoint.ts';
import { finetuneDictionary, trainDictionary, type TrainedDictionary } from './train.ts';

const D_IN = 8;
const origin = { model: 'builtin', modelHash: null, hookPoint: 'blocks.0.hook_resid_post', contextLength: 128 };

let folder: string;
let data: ActivationFolder;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-train-'));
  data = await writeActivations(folder, synthesise(3000, D_IN, 12, 1), D_IN);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

let output: string;
let outputs = 0;
beforeEach(() => {
  output = join(folder, `dictionary-${outputs++}`);
});

const topk = { kind: 'topk', k: 3 };
const relu = { kind: 'relu', l1: 0.05 };

function requestFor(changes: Record<string, unknown> = {}): TrainRequest {
  return TrainRequest.parse({
    data: { kind: 'activations', file: 'given' },
    ...{ architecture: topk, dSae: 24, batch: 64, tokens: 64 * 40, output: 'o', seed: 3 },
    ...{ optimizer: { learningRate: 3e-3 }, checkpointEverySteps: 7 },
    ...changes,
  });
}

function finetuneRequestFor(changes: Record<string, unknown> = {}): FinetuneRequest {
  const { data: from, batch, tokens, seed } = requestFor();
  return FinetuneRequest.parse({ data: from, batch, tokens, seed, from: 'f', output: 'o', ...changes });
}

const train = (
  changes: Record<string, unknown> = {},
  control: JobControl = unwatched,
  engine: Engine = referenceEngine,
  activations: ActivationFolder = data,
): Promise<TrainedDictionary> =>
  trainDictionary(requestFor(changes), activations, { engine, origin, outputFolder: output }, control);

async function artifacts(of: string): Promise<Record<string, string>> {
  const names = (await readdir(of)).filter((name) => name !== 'timing.json');
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(of, name), 'hex')] as const)),
  );
}

/** An engine that watches or changes its forward passes, counted from 1. */
function withForward(change: (step: number, result: ForwardResult) => void): Engine {
  return {
    ...referenceEngine,
    trainer: async (shape, start) => {
      const trainer = await referenceEngine.trainer(shape, start);
      const forward = trainer.forward.bind(trainer);
      let steps = 0;
      trainer.forward = async (batch, settings) => {
        const result = await forward(batch, settings);
        change(++steps, result);
        return result;
      };
      return trainer;
    },
  };
}

/** Trains until the owner asks to stop, which happens within the given step of this process. */
async function trainUntil(step: number, changes: Record<string, unknown> = {}): Promise<void> {
  const controller = new AbortController();
  const engine = withForward((at) => {
    if (at === step) controller.abort();
  });
  const stopped = train(changes, { ...unwatched, signal: controller.signal }, engine);
  await expect(stopped).rejects.toThrow(Interrupted);
  await expect(stopped).rejects.toThrow(/ of 40 steps are done and stored; .*--resume/);
}

function breakingAt(step: number, loss: number): Engine {
  return withForward((at, { reconstruction }) => {
    if (at === step) reconstruction[5] = loss;
  });
}

describe('training', () => {
  it.each([
    ['topk', { architecture: topk, tokens: 64 * 300 }, 0.9],
    ['relu with a weighted penalty', { architecture: relu, tokens: 64 * 400 }, 0.8],
    ['relu with unit decoder rows', { architecture: { ...relu, penalty: 'plain' }, tokens: 64 * 300 }, 0.8],
    ['a small tilt', { objective: { kind: 'term', tilt: { kind: 'relative', tau: 0.1 } }, tokens: 64 * 300 }, 0.9],
  ])('%s reconstructs rows it never saw', async (_, changes, explained) => {
    const { dictionary, result } = await train(changes);
    expect(result.final.explainedVariance).toBeGreaterThan(explained);
    expect(result.heldOut.tokens).toBeGreaterThan(200);
    expect(dictionary.origin).toEqual(origin);
    expect(await loadDictionary(output)).toEqual(dictionary);
  });

  it('folds the scale away: features and reconstruction are in the units of the activations', async () => {
    const { dictionary } = await train({ tokens: 64 * 100 });
    const first = output;
    output = `${output}-scaled`;
    const values = synthesise(3000, D_IN, 12, 1).map((value) => value * 64);
    const large = {
      ...(await writeActivations(await mkdtemp(join(folder, 'x')), values, D_IN)),
      contentHash: data.contentHash,
    };
    const scaled = await train({ tokens: 64 * 100 }, unwatched, referenceEngine, large);
    expect(first).not.toBe(output);
    scaled.dictionary.parameters.decoderBias.forEach((value, i) => {
      expect(value / 64).toBeCloseTo(dictionary.parameters.decoderBias[i]!, 4);
    });
    expect(scaled.dictionary.parameters.decoder).toEqual(dictionary.parameters.decoder);
  });

  it('gives equal bytes for equal input, and other bytes for another seed', async () => {
    const first = await train();
    const bytes = await artifacts(output);
    await train();
    expect(await artifacts(output)).toEqual(bytes);
    const other = await train({ seed: 4 });
    expect(other.dictionary.contentHash).not.toBe(first.dictionary.contentHash);
  });

  it('keeps a history of at most 2,000 points and the measured step times', async () => {
    const { result } = await train();
    const history = JSON.parse(await readFile(join(output, 'history.json'), 'utf8')) as {
      step: number;
      loss: number;
    }[];
    expect(history.map(({ step }) => step)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(history.at(-1)!.loss).toBeLessThan(history[0]!.loss);
    expect(result.stepMilliseconds.p10).toBeLessThanOrEqual(result.stepMilliseconds.p90);
    expect((await stat(checkpointPath(output)).catch(() => null)) === null).toBe(true);
  });

  it('stores float16 when asked and measures what it stored', async () => {
    const { dictionary } = await train({ storage: 'float16' });
    const weights = join(output, 'sae_weights.safetensors');
    expect((await stat(weights)).size).toBeLessThan(2 * 2 * 24 * D_IN + 2 * 24 + 2 * D_IN + 400);
    expect(dictionary.shape.unitNormDecoder).toBe(true);
  });
});

describe('a run that is stopped', () => {
  it.each([
    ['topk', { architecture: topk }],
    ['relu, across resampling', { architecture: relu }],
    [
      'a held effective sample size, across its warm-up',
      { objective: { kind: 'term', tilt: { kind: 'sample_size', share: 0.4 }, warmupSteps: 19 } },
    ],
  ])('ends with the same bytes when resumed: %s', async (_, changes) => {
    await train(changes);
    const whole = await artifacts(output);
    output = `${output}-resumed`;
    for (const step of [3, 17, 20]) await trainUntil(step, { ...changes, resume: true });
    await train({ ...changes, resume: true });
    expect(await artifacts(output)).toEqual(whole);
  });

  it('is refused by another configuration or other data, which are named', async () => {
    await trainUntil(1);
    const other = train({ resume: true, batch: 32 });
    await expect(other).rejects.toThrow(UsageError);
    await expect(other).rejects.toThrow(/plan\.batch: 64 in the checkpoint, 32 now/);
    const elsewhere = train({ resume: true }, unwatched, referenceEngine, { ...data, contentHash: 'other' });
    await expect(elsewhere).rejects.toThrow(/activations: .* in the checkpoint, "other" now/);
  });
});

describe('a run that goes wrong', () => {
  it.each([NaN, Infinity])(
    'stops at a loss of %s, naming step and row, and keeps the last checkpoint',
    async (loss) => {
      const failing = train({}, unwatched, breakingAt(10, loss));
      await expect(failing).rejects.toThrow(WorkError);
      await expect(failing).rejects.toThrow(/loss of step 10 is .*first of its tokens with such a loss is row \d+/);
      const { result } = await train({ resume: true });
      expect(result.steps).toBe(40);
    },
  );

  it('keeps the last good checkpoint when the next cannot be written', async () => {
    const parent = join(folder, 'disk');
    output = join(parent, 'dictionary');
    await trainUntil(10);
    const good = await readFile(checkpointPath(output));
    const losing = withForward((step) => {
      if (step !== 2) return;
      renameSync(parent, `${parent}-lost`);
      writeFileSync(parent, ''); // A file where a folder was: nothing can be written below it.
    });
    await expect(train({ resume: true }, unwatched, losing)).rejects.toThrow(
      /the checkpoint of step 14 was not written: .* go on with --resume/,
    );
    expect(await readFile(checkpointPath(join(`${parent}-lost`, 'dictionary')))).toEqual(good);
  });

  it.each([
    ['more active features than features', { architecture: { kind: 'topk', k: 25 } }, /--k is 25 and --d-sae is 24/],
  ])('refuses %s', async (_, changes, message) => {
    await expect(train(changes)).rejects.toThrow(UsageError);
    await expect(train(changes)).rejects.toThrow(message);
  });

  it('names the row and the step of a value that is not finite', async () => {
    const values = synthesise(100, D_IN, 12, 1);
    values[37 * D_IN + 2] = NaN;
    const damaged = await writeActivations(await mkdtemp(join(folder, 'nan-')), values, D_IN);
    await expect(train({}, unwatched, referenceEngine, damaged)).rejects.toThrow(
      /row 37 of the activations, dealt to step \d+, holds a value that is not finite|held-out rows hold/,
    );
  });

  it('refuses rows without variance', async () => {
    const values = new Float32Array(100 * D_IN).fill(2);
    const constant = await writeActivations(await mkdtemp(join(folder, 'constant-')), values, D_IN);
    await expect(train({}, unwatched, referenceEngine, constant)).rejects.toThrow(/variance is zero/);
  });

  it('trains on fewer rows than a batch with all of them', async () => {
    const few = await writeActivations(await mkdtemp(join(folder, 'few-')), synthesise(20, D_IN, 12, 1), D_IN);
    const { result } = await train({ tokens: 100 }, unwatched, referenceEngine, few);
    expect(result.tokens).toBe(result.steps * 18);
  });

  it('does not replace a folder that is not a dictionary', async () => {
    output = folder;
    await expect(train()).rejects.toThrow(/exists and holds no dictionary/);
  });
});

describe('finetuning', () => {
  it('starts from the dictionary and ends nearer to its domain; scratch starts anew', async () => {
    const general = await train({ tokens: 64 * 200 });
    const domain = await writeActivations(await mkdtemp(join(folder, 'domain-')), synthesise(2000, D_IN, 12, 5), D_IN);
    const context = { engine: referenceEngine, origin, outputFolder: `${output}-tuned` };
    const idle = finetuneRequestFor({ optimizer: { learningRate: 1e-30, warmupSteps: 0 } });
    const before = await finetuneDictionary(idle, general.dictionary, domain, null, context, unwatched);
    before.dictionary.parameters.encoder.forEach((value, i) => {
      expect(value).toBeCloseTo(general.dictionary.parameters.encoder[i]!, 5);
    });
    before.dictionary.parameters.decoderBias.forEach((value, i) => {
      expect(value).toBeCloseTo(general.dictionary.parameters.decoderBias[i]!, 5);
    });
    const request = finetuneRequestFor({ optimizer: { learningRate: 3e-3 }, tokens: 64 * 200 });
    const tuned = await finetuneDictionary(request, general.dictionary, domain, null, context, unwatched);
    expect(tuned.result.final.explainedVariance).toBeGreaterThan(before.result.final.explainedVariance + 0.1);
    expect(tuned.result.heldOut.splitHash).toBe(before.result.heldOut.splitHash);
    const scratch = await finetuneDictionary(
      { ...request, mode: 'scratch' },
      general.dictionary,
      domain,
      null,
      context,
      unwatched,
    );
    expect(scratch.dictionary.shape).toEqual(general.dictionary.shape);
    expect(scratch.dictionary.contentHash).not.toBe(tuned.dictionary.contentHash);
  });

  it('takes the sparsity coefficient from the dictionary, or asks for it', async () => {
    const { dictionary } = await train({ architecture: relu });
    expect(dictionary.sparsityCoefficient).toBe(0.05);
    const { name, contentHash, shape, parameters, labels, densities } = dictionary;
    const unknown = { name, contentHash, shape, parameters, labels, densities, origin };
    const context = { engine: referenceEngine, origin, outputFolder: `${output}-tuned` };
    await expect(finetuneDictionary(finetuneRequestFor(), unknown, data, null, context, unwatched)).rejects.toThrow(
      /--l1 is missing/,
    );
    const tuned = await finetuneDictionary(finetuneRequestFor({ l1: 0.1 }), unknown, data, null, context, unwatched);
    expect(tuned.dictionary.sparsityCoefficient).toBe(0.1);
  });

  it('refuses activations of another width', async () => {
    const { dictionary } = await train();
    const wide = await writeActivations(await mkdtemp(join(folder, 'wide-')), synthesise(50, 5, 12, 1), 5);
    const context = { engine: referenceEngine, origin, outputFolder: `${output}-tuned` };
    await expect(finetuneDictionary(finetuneRequestFor(), dictionary, wide, null, context, unwatched)).rejects.toThrow(
      new UsageError(
        `the dictionary "${dictionary.name}" is for activations of width 8, these have width 5; use the model and hook point it was trained on`,
      ),
    );
  });
});
