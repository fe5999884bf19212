import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, EngineShape, EngineTrainer, ForwardResult, TrainingState } from './engine.ts';
import { openEngine } from './engines.ts';
import { sha256 } from '../foundation/hash.ts';
import { Random } from '../foundation/random.ts';
import { eighths, expectClose, largeProblem, RELU, SETTINGS, TOPK } from '../../test/fixtures/train/problems.ts';
import { availableEngines } from '../../test/reference/engines-under-test.ts';
import {
  ARCHITECTURES,
  trainingProblem,
  type ProblemChoices,
  type TrainingBatch,
  type TrainingProblem,
} from '../../test/reference/training-problems.ts';

const architectures = Object.entries(ARCHITECTURES).map(([title, make]) => ({ title, make }));

/** A problem large enough for several blocks, slices and parts; AuxK where the architecture has it. */
function largeTraining(make: (typeof ARCHITECTURES)[string]): TrainingProblem {
  const choices: ProblemChoices = {
    ...{ dIn: 53, dOut: null, dSae: 1500, tokens: 301, kShare: 0.01, seed: 7, exact: false, resumed: false },
    ...{ rescaledByDecoderNorm: false, applyDecoderBiasToInput: true, unitNormDecoder: true, skip: false },
    ...{ targets: false, objective: 'term', auxiliary: 'normalised', clips: true, partial: false },
  };
  return trainingProblem(choices, make, 3);
}

async function step(
  trainer: EngineTrainer,
  { settings }: TrainingProblem,
  batch: TrainingBatch,
): Promise<ForwardResult> {
  const result = await trainer.forward(batch.tokens, batch.forward);
  await trainer.backward(batch.weights, settings);
  return result;
}

async function train(
  engine: Engine,
  problem: TrainingProblem,
): Promise<{ state: TrainingState; losses: Float64Array[] }> {
  await using trainer = await engine.trainer(problem.shape, problem.start);
  const losses: Float64Array[] = [];
  for (const batch of problem.batches) losses.push((await step(trainer, problem, batch)).reconstruction);
  return { state: await trainer.state(), losses };
}

/** SHA-256 over the bits of everything in a result. */
function hashOf(result: object): string {
  const bits = (value: unknown): string =>
    ArrayBuffer.isView(value)
      ? sha256(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
      : typeof value === 'object' && value !== null
        ? Object.entries(value)
            .map(([key, inner]) => `${key} ${bits(inner)}`)
            .join()
        : String(value);
  return sha256(bits(result));
}

const available = await availableEngines();

// The slow one has no threads, and large problems take it long: tensorflow/tensorflow-engine.test.ts.
describe.each(available)('the $name engine', ({ open, isSlow }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  it.skipIf(isSlow).each(architectures)(
    'gives the same bits with one, two and five threads: $title',
    async ({ make }) => {
      const runs = [];
      for (const threads of [1, 2, 5]) {
        await using other = await open(threads);
        runs.push(hashOf(await train(other, largeTraining(make))));
      }
      expect(runs[1]).toBe(runs[0]);
      expect(runs[2]).toBe(runs[0]);
    },
  );

  it.skipIf(isSlow).each(architectures)('goes on bit-identically from a stored state: $title', async ({ make }) => {
    const problem = largeTraining(make);
    const [one, two, three] = problem.batches;
    await using first = await engine.trainer(problem.shape, problem.start);
    await step(first, problem, one!);
    await step(first, problem, two!);
    await using second = await engine.trainer(problem.shape, await first.state());
    await step(first, problem, three!);
    await step(second, problem, three!);
    expect(hashOf(await second.state())).toBe(hashOf(await first.state()));
  });

  it('leaves features alone that never had a gradient, and moves those on whose moments are not zero', async () => {
    const { parameters, batch, weights } = largeProblem(TOPK.dIn, TOPK.dSae, 4);
    await using trainer = await engine.trainer(TOPK, parameters);
    await trainer.forward(batch, { sparsityCoefficient: 0 });
    await trainer.backward(weights, SETTINGS);
    const before = await trainer.state();
    await trainer.forward(
      batch.map((value) => -value),
      { sparsityCoefficient: 0 },
    );
    await trainer.backward(weights, SETTINGS);
    const after = await trainer.state();
    const row = (matrix: Float32Array, j: number): Float32Array => matrix.slice(j * TOPK.dIn, (j + 1) * TOPK.dIn);
    const silent = [...after.tokensSinceFired.keys()].filter((j) => after.tokensSinceFired[j] === 8);
    const resting = [...after.tokensSinceFired.keys()].filter((j) => after.tokensSinceFired[j] === 4);
    expect(silent.length).toBeGreaterThan(1000);
    for (const j of silent) expect(row(after.parameters.decoder, j)).toEqual(row(parameters.decoder, j));
    expect(resting.length).toBeGreaterThan(10);
    for (const j of resting) expect(row(after.parameters.encoder, j)).not.toEqual(row(before.parameters.encoder, j));
  });

  it('encodes more tokens than fit one call in the same way', async () => {
    const { parameters } = largeProblem(8, 40, 1);
    const batch = eighths(new Random(3), 9000 * 8, 8);
    await using dictionary = await engine.dictionary({ ...RELU, dIn: 8, dOut: 8, dSae: 40 }, parameters);
    const whole = await dictionary.encode(batch);
    const part = await dictionary.encode(batch.slice(8500 * 8));
    expect(whole.features.slice(whole.offsets[8500])).toEqual(part.features);
    expect(whole.values.slice(whole.offsets[8500])).toEqual(part.values);
    expect((await dictionary.decode(whole)).slice(8500 * 8)).toEqual(await dictionary.decode(part));
    expect((await dictionary.encode(new Float32Array())).offsets).toEqual(new Uint32Array(1));
  });

  it('names the first activation row that is not finite, and works on afterwards', async () => {
    const { parameters, batch, weights } = largeProblem(TOPK.dIn, TOPK.dSae, 200);
    await using trainer = await engine.trainer(TOPK, parameters);
    const damaged = batch.slice();
    damaged[150 * TOPK.dIn + 52] = Infinity;
    damaged[137 * TOPK.dIn] = NaN;
    await expect(trainer.forward(damaged, { sparsityCoefficient: 0 })).rejects.toThrow(
      'activation row 137 is not finite',
    );
    await expect(trainer.encode(damaged)).rejects.toThrow('activation row 137 is not finite');
    await expect(trainer.backward(weights, SETTINGS)).rejects.toThrow('needs a forward pass');
    await trainer.forward(batch, { sparsityCoefficient: 0 });
    await trainer.backward(weights, SETTINGS);
  });

  it('refuses arguments that do not fit, naming them', async () => {
    const { parameters, batch, weights } = largeProblem(TOPK.dIn, TOPK.dSae, 3);
    await expect(engine.dictionary({ ...TOPK, dIn: 54, dOut: 54 }, parameters)).rejects.toThrow(
      'W_enc has 79500 values',
    );
    const tooMany: EngineShape = { ...TOPK, architecture: { kind: 'topk', k: 1501, rescaledByDecoderNorm: false } };
    await expect(engine.dictionary(tooMany, parameters)).rejects.toThrow(
      'k is 1501; expected a whole number from 1 to 1500',
    );
    await using trainer = await engine.trainer(TOPK, parameters);
    await expect(trainer.forward(batch.slice(1), { sparsityCoefficient: 0 })).rejects.toThrow(
      'not a multiple of d_in = 53',
    );
    const rows = { offsets: Uint32Array.of(0, 1), features: Uint32Array.of(1500), values: Float32Array.of(1) };
    await expect(trainer.decode(rows)).rejects.toThrow('feature 1500 does not exist');
    await trainer.forward(batch, { sparsityCoefficient: 0 });
    await expect(trainer.backward(weights, { ...SETTINGS, epsilon: 0 })).rejects.toThrow('epsilon is 0');
    await trainer[Symbol.asyncDispose]();
    await expect(trainer.encode(batch)).rejects.toThrow('was disposed of');
  });

  it('serves several dictionaries at once', async () => {
    const { parameters, batch } = largeProblem(TOPK.dIn, TOPK.dSae, 64);
    const dictionaries = await Promise.all(
      [1, 2, 3].map((k) =>
        engine.dictionary({ ...TOPK, architecture: { kind: 'topk', k, rescaledByDecoderNorm: false } }, parameters),
      ),
    );
    const rows = await Promise.all(dictionaries.map((dictionary) => dictionary.encode(batch)));
    expect(rows.map(({ features }) => features.length)).toEqual([64, 128, 192]);
    await Promise.all(dictionaries.map((dictionary) => dictionary[Symbol.asyncDispose]()));
  });
});

describe('engines', () => {
  it('refuses a WebAssembly dictionary beyond 4 GiB before allocating, with the arithmetic', async () => {
    await using engine = await openEngine('wasm', { threads: 1 });
    const huge: EngineShape = { ...TOPK, dIn: 4096, dOut: 4096, dSae: 131072 };
    const absent = { length: 131072 * 4096 } as Float32Array;
    const start = {
      encoder: absent,
      encoderBias: new Float32Array(131072),
      decoder: absent,
      decoderBias: new Float32Array(4096),
    };
    await expect(engine.trainer(huge, start)).rejects.toThrow(
      '131072 features × (4096 + 4096) dimensions × 4 bytes (× 3',
    );
  });

  it.skipIf(available.every(({ name }) => name !== 'cpu'))('agree with each other after three steps', async () => {
    await using cpu = await openEngine('cpu', { threads: 2 });
    await using wasm = await openEngine('wasm', { threads: 2 });
    const problem = largeTraining(ARCHITECTURES['topk']!);
    const [left, right] = [await train(cpu, problem), await train(wasm, problem)];
    for (const [step, losses] of left.losses.entries())
      expectClose(losses, [...right.losses[step]!], `losses of step ${step}`);
  });

  it('refuses a number of threads that makes no sense', async () => {
    await expect(openEngine('wasm', { threads: 0 })).rejects.toThrow('threads is 0');
  });
});
