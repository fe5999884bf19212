import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildParameters,
  isMatrix,
  parameterLengths,
  type DictionaryParameters,
  type Engine,
  type EngineName,
  type EngineShape,
  type EngineTrainer,
  type ParameterName,
  type TrainingState,
} from './engine.ts';
import { engineAvailability, openEngine } from './engines.ts';
import { narrowInPlace } from '../foundation/bfloat16.ts';
import {
  ARCHITECTURES,
  trainingProblem,
  type ProblemChoices,
  type TrainingProblem,
} from '../../test/reference/training-problems.ts';

const CHOICES: ProblemChoices = {
  ...{ dIn: 53, dOut: null, dSae: 700, tokens: 301, kShare: 0.01, seed: 7, exact: false, resumed: false },
  ...{ rescaledByDecoderNorm: false, applyDecoderBiasToInput: true, unitNormDecoder: true, skip: false },
  ...{ targets: false, objective: 'term', auxiliary: 'normalised', clips: true, partial: false },
};
const SKIPPING: Partial<ProblemChoices> = { skip: true, applyDecoderBiasToInput: false, targets: true };
const PROBLEMS = [
  ...Object.entries(ARCHITECTURES).map(([title, make]) => ({ title, make, choices: CHOICES })),
  { title: 'topk with a skip', make: ARCHITECTURES['topk']!, choices: { ...CHOICES, ...SKIPPING } },
];

async function steps(trainer: EngineTrainer, { batches, settings }: TrainingProblem, count: number): Promise<void> {
  for (const { tokens, forward, weights } of batches.slice(0, count)) {
    await trainer.forward(tokens, forward);
    await trainer.backward(weights, settings);
  }
}

async function trained(engine: Engine, problem: TrainingProblem): Promise<TrainingState> {
  await using trainer = await engine.trainer(problem.shape, problem.start, 'bfloat16');
  await steps(trainer, problem, problem.batches.length);
  return await trainer.state();
}

const DECAYING: EngineShape = {
  ...{ dIn: 64, dOut: 64, dSae: 512, architecture: { kind: 'topk', k: 4, rescaledByDecoderNorm: false } },
  ...{ applyDecoderBiasToInput: false, unitNormDecoder: false, skip: false },
};
const BETA2 = 0.999;

/** So many steps without any gradient from moments that are all `value`. @returns the second moments of the encoder */
async function decayed(engine: Engine, value: number, count: number): Promise<Float32Array> {
  const all = (filling: number): DictionaryParameters =>
    buildParameters(DECAYING, (_, length) => new Float32Array(length).fill(filling));
  const start = { parameters: all(1), firstMoment: all(value), secondMoment: all(value), steps: 41 };
  await using trainer = await engine.trainer(
    DECAYING,
    { ...start, tokensSinceFired: new Float64Array(DECAYING.dSae) },
    'bfloat16',
  );
  const nothing = { reconstruction: new Float64Array(2), sparsity: new Float64Array(2) };
  const settings = { learningRate: 0, beta1: 0.9, beta2: BETA2, epsilon: 1e-8, maxGradientNorm: null, auxiliary: null };
  for (let step = 0; step < count; step++) {
    await trainer.forward(new Float32Array(2 * DECAYING.dIn), { sparsityCoefficient: 0 });
    await trainer.backward(nothing, settings);
  }
  return (await trainer.state()).secondMoment.encoder;
}

function meanAndError(values: Float32Array): { mean: number; error: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, error: Math.sqrt(square) / values.length };
}

const nearest = (value: number): number => {
  const [half] = narrowInPlace(Float32Array.of(value));
  return new Float32Array(Uint32Array.of(half! << 16).buffer)[0]!;
};

const available = (await engineAvailability()).filter((engine) => engine.available);
const storesMoments = (name: EngineName): boolean => name === 'cpu' || name === 'wasm';

describe.each(available.filter(({ name }) => storesMoments(name)))('moments in bfloat16 on $name', ({ name }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine(name, { threads: 2 });
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  it.each([1, 40, 400])('are right in expectation after %i steps of decay', async (count) => {
    const value = 1.296875; // A bfloat16 number.
    const { mean, error } = meanAndError(await decayed(engine, value, count));
    expect(error).toBeGreaterThan(0);
    expect(Math.abs(mean - value * BETA2 ** count)).toBeLessThan(4 * error);
  });

  it('decay from every fraction, where none would if the nearest were taken', async () => {
    for (let fraction = 0; fraction < 128; fraction += 9) {
      const value = (1 + fraction / 128) * 2 ** -20;
      expect(nearest(BETA2 * value)).toBe(value);
      expect(meanAndError(await decayed(engine, value, 5)).mean).toBeLessThan(0.998 * value);
    }
  });

  it('give the update that float32 moments give, where they were zero before it', async () => {
    const problem = trainingProblem(CHOICES, ARCHITECTURES['topk']!, 1);
    const of = async (moments: 'float32' | 'bfloat16'): Promise<TrainingState> => {
      await using trainer = await engine.trainer(problem.shape, problem.start, moments);
      await steps(trainer, problem, 1);
      return await trainer.state();
    };
    const [wide, narrow] = [await of('float32'), await of('bfloat16')];
    expect(isDeepStrictEqual(narrow.parameters, wide.parameters)).toBe(true);
    for (const part of ['firstMoment', 'secondMoment'] as const)
      for (const [array] of parameterLengths(problem.shape)) expectNeighbours(array, narrow[part], wide[part]);
  });

  it.each(PROBLEMS)('have the same bits with one, two and five threads: $title', async ({ make, choices }) => {
    const problem = trainingProblem(choices, make, 3);
    const states = [];
    for (const threads of [1, 2, 5]) {
      await using other = await openEngine(name, { threads });
      states.push(await trained(other, problem));
    }
    expect(isDeepStrictEqual(states[1], states[0])).toBe(true);
    expect(isDeepStrictEqual(states[2], states[0])).toBe(true);
  });

  it.each(PROBLEMS)('go on bit-identically from a stored state: $title', async ({ make, choices }) => {
    const problem = trainingProblem(choices, make, 3);
    await using first = await engine.trainer(problem.shape, problem.start, 'bfloat16');
    await steps(first, problem, 2);
    await using second = await engine.trainer(problem.shape, await first.state(), 'bfloat16');
    const rest = { ...problem, batches: problem.batches.slice(2) };
    for (const trainer of [first, second]) await steps(trainer, rest, 1);
    expect(isDeepStrictEqual(await second.state(), await first.state())).toBe(true);
  });

  it('are read and written piece by piece without loss', async () => {
    const problem = trainingProblem({ ...CHOICES, ...SKIPPING }, ARCHITECTURES['topk']!, 2);
    await using first = await engine.trainer(problem.shape, problem.start, 'bfloat16');
    await using second = await engine.trainer(problem.shape, problem.start, 'bfloat16');
    await steps(first, problem, 2);
    for (const part of ['parameters', 'firstMoment', 'secondMoment'] as const)
      for (const [array, length] of parameterLengths(problem.shape)) {
        const most = isMatrix(array) ? 53 * 100 : 100;
        for (let at = 0; at < length; at += most) {
          const piece = new Float32Array(Math.min(most, length - at));
          await first.stateAccess!.read(part, array, at, piece);
          await second.stateAccess!.write(part, array, at, piece);
        }
      }
    await second.stateAccess!.finish(await first.stateAccess!.counts());
    expect(isDeepStrictEqual(await second.state(), await first.state())).toBe(true);
  });
});

/** Every number of `narrow` is a bfloat16 number next to that of `wide`; vectors are the same. */
function expectNeighbours(name: ParameterName, narrow: DictionaryParameters, wide: DictionaryParameters): void {
  const [rounded, exact] = [narrow[name]!, wide[name]!];
  if (!isMatrix(name)) {
    expect(rounded).toEqual(exact);
    return;
  }
  expect(new Uint32Array(rounded.buffer).every((word) => (word & 0xffff) === 0)).toBe(true);
  expect(rounded.every((value, i) => Math.abs(value - exact[i]!) < Math.abs(exact[i]!) / 127 + 1e-37)).toBe(true);
}

describe.each(available.filter(({ name }) => !storesMoments(name)))('the $name engine', ({ name }) => {
  it('refuses moments in bfloat16', async () => {
    await using engine = await openEngine(name);
    const problem = trainingProblem(CHOICES, ARCHITECTURES['topk']!, 1);
    await expect(engine.trainer(problem.shape, problem.start, 'bfloat16')).rejects.toThrow(
      `--moments is bfloat16, and the engine ${name} keeps float32 moments only; expected --engine cpu or wasm, or no --moments`,
    );
  });
});
