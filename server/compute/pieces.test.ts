import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  parameterLengths,
  type BackwardResult,
  type Engine,
  type EngineTrainer,
  type StatePart,
  type TrainingState,
} from './engine.ts';
import { openEngine } from './engines.ts';
import { availableEngines } from '../../test/reference/engines-under-test.ts';
import { piecesOf } from '../../test/reference/pieces.ts';
import {
  ARCHITECTURES,
  trainingProblem,
  type ProblemChoices,
  type TrainingBatch,
  type TrainingProblem,
} from '../../test/reference/training-problems.ts';

const PER_TOKEN = Object.entries(ARCHITECTURES)
  .filter(([title]) => title !== 'batchtopk' && title !== 'matryoshka')
  .flatMap(([title, make]) =>
    (title === 'topk' || title.startsWith('relu') ? (['normalised', 'plain', 'saelens', null] as const) : [null]).map(
      (auxiliary) => ({ title: `${title}, auxiliary loss ${auxiliary}`, make, auxiliary }),
    ),
  );

const CHOICES: ProblemChoices = {
  ...{ dIn: 53, dOut: null, dSae: 700, tokens: 301, kShare: 0.01, seed: 7, exact: false, resumed: true },
  ...{ rescaledByDecoderNorm: false, applyDecoderBiasToInput: true, unitNormDecoder: true, skip: false },
  ...{ targets: false, objective: 'term', auxiliary: null, clips: true, partial: false },
};

async function wholeStep(
  trainer: EngineTrainer,
  { settings }: TrainingProblem,
  batch: TrainingBatch,
): Promise<BackwardResult> {
  await trainer.forward(batch.tokens, batch.forward);
  return trainer.backward(batch.weights, settings);
}

async function stepInPieces(
  trainer: EngineTrainer,
  { shape, settings }: TrainingProblem,
  batch: TrainingBatch,
  size: number,
): Promise<BackwardResult> {
  const { accumulation } = trainer;
  const tokens = batch.weights.reconstruction.length;
  const pieces = piecesOf(shape, batch, size);
  if (settings.auxiliary !== null)
    for (const piece of pieces) {
      await trainer.forward(piece.tokens, piece.forward);
      await accumulation!.survey();
    }
  for (const piece of pieces) {
    await trainer.forward(piece.tokens, piece.forward);
    await accumulation!.accumulate(piece.weights, settings, tokens);
  }
  return accumulation!.apply(settings);
}

/** The largest difference between two states' arrays, as a share of each array's largest value. */
function distance(left: TrainingState, right: TrainingState): number {
  const parts = ['parameters', 'firstMoment', 'secondMoment'] as const;
  const differences = parts.flatMap((part) =>
    Object.entries(left[part]).map(([name, values]: [string, Float32Array]) => {
      const others = right[part][name as keyof TrainingState['parameters']]!;
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
      return values.reduce((most, value, i) => Math.max(most, Math.abs(value - others[i]!)), 0) / largest;
    }),
  );
  return Math.max(...differences);
}

function expectSameBits(actual: object, expected: object): void {
  expect(isDeepStrictEqual(actual, expected)).toBe(true);
}

describe.each((await availableEngines()).filter(({ name }) => name === 'cpu' || name === 'wasm'))(
  'the $name engine',
  ({ name, open }) => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await open();
    });
    afterAll(() => engine[Symbol.asyncDispose]());

    it.each(PER_TOKEN)(
      'steps over one piece as over a whole batch, bit for bit: $title',
      async ({ make, auxiliary }) => {
        for (const clips of [true, false]) {
          const problem = trainingProblem({ ...CHOICES, auxiliary, clips }, make, 2);
          await using whole = await engine.trainer(problem.shape, problem.start);
          await using pieces = await engine.trainer(problem.shape, problem.start);
          for (const batch of problem.batches)
            expect(await stepInPieces(pieces, problem, batch, 301)).toEqual(await wholeStep(whole, problem, batch));
          expectSameBits(await pieces.state(), await whole.state());
        }
      },
    );

    it.each(PER_TOKEN)('steps over pieces as over the whole batch to 1e-6: $title', async ({ make, auxiliary }) => {
      for (const partial of [true, false]) {
        const problem = trainingProblem({ ...CHOICES, auxiliary, partial }, make, 2);
        await using whole = await engine.trainer(problem.shape, problem.start);
        await using pieces = await engine.trainer(problem.shape, problem.start);
        for (const trainer of [whole, pieces]) await trainer.trainOnly(problem.trained);
        const batch = problem.batches[0]!;
        const [expected, result] = [
          await wholeStep(whole, problem, batch),
          await stepInPieces(pieces, problem, batch, 100),
        ];
        const [left, right] = [await whole.state(), await pieces.state()];
        expect(right.tokensSinceFired).toEqual(left.tokensSinceFired);
        expect(distance(left, right)).toBeLessThan(1e-6);
        expect(result.dead).toBe(expected.dead);
        expect(result.auxiliaryLoss).toBeCloseTo(expected.auxiliaryLoss, 6);
        expect(result.gradientNorm! / expected.gradientNorm!).toBeCloseTo(1, 6);
        if (auxiliary !== null) expect(result.dead).toBeGreaterThan(0);
      }
    });

    it('steps over pieces of a skip transcoder as over the whole batch to 1e-6', async () => {
      const skip = { skip: true, targets: true, dOut: 35, applyDecoderBiasToInput: false };
      const problem = trainingProblem({ ...CHOICES, ...skip }, ARCHITECTURES['topk']!, 1);
      await using whole = await engine.trainer(problem.shape, problem.start);
      await using pieces = await engine.trainer(problem.shape, problem.start);
      await wholeStep(whole, problem, problem.batches[0]!);
      await stepInPieces(pieces, problem, problem.batches[0]!, 64);
      expect(distance(await whole.state(), await pieces.state())).toBeLessThan(1e-6);
    });

    it('gives the same bits with one, two and five threads', async () => {
      const problem = trainingProblem({ ...CHOICES, auxiliary: 'normalised' }, ARCHITECTURES['topk']!, 2);
      const states = [];
      for (const threads of [1, 2, 5]) {
        await using other = await openEngine(name as 'cpu' | 'wasm', { threads });
        await using trainer = await other.trainer(problem.shape, problem.start);
        for (const batch of problem.batches) await stepInPieces(trainer, problem, batch, 100);
        states.push(await trainer.state());
      }
      expectSameBits(states[1]!, states[0]!);
      expectSameBits(states[2]!, states[0]!);
    });

    it('refuses what would not be the whole batch, saying why', async () => {
      const problem = trainingProblem({ ...CHOICES, auxiliary: 'normalised' }, ARCHITECTURES['topk']!, 1);
      await using trainer = await engine.trainer(problem.shape, problem.start);
      const accumulation = trainer.accumulation!;
      const [first] = piecesOf(problem.shape, problem.batches[0]!, 100);
      await expect(accumulation.apply(problem.settings)).rejects.toThrow("after 0 of the batch's");
      await trainer.forward(first!.tokens, first!.forward);
      await expect(accumulation.accumulate(first!.weights, problem.settings, 301)).rejects.toThrow(
        "0 of the batch's 301 tokens were surveyed",
      );
      const plain = { ...problem.settings, auxiliary: null };
      await accumulation.accumulate(first!.weights, plain, 301);
      await expect(accumulation.apply(plain)).rejects.toThrow("after 100 of the batch's 301 tokens");
      await trainer.forward(first!.tokens, first!.forward);
      await expect(accumulation.accumulate(first!.weights, plain, 300)).rejects.toThrow('pieces of a batch of 301');
      await expect(trainer.backward(first!.weights, plain)).rejects.toThrow(
        'within a step whose batch comes in pieces',
      );
      const selects = trainingProblem(CHOICES, ARCHITECTURES['batchtopk']!, 1);
      await using other = await engine.trainer(selects.shape, selects.start);
      await other.forward(first!.tokens, first!.forward);
      await expect(other.accumulation!.accumulate(first!.weights, plain, 301)).rejects.toThrow(
        'selects over its whole batch',
      );
    });

    it('gives and takes its state piece by piece as it gives and takes it whole', async () => {
      const skip = { skip: true, targets: true, dOut: 35, applyDecoderBiasToInput: false };
      const problem = trainingProblem({ ...CHOICES, ...skip }, ARCHITECTURES['jumprelu, step']!, 1);
      await using trainer = await engine.trainer(problem.shape, problem.start.parameters);
      const access = trainer.stateAccess!;
      const { dIn, dOut } = problem.shape;
      const each = async (
        visit: (part: StatePart, name: keyof TrainingState['parameters'], first: number, end: number) => Promise<void>,
      ) => {
        for (const part of ['parameters', 'firstMoment', 'secondMoment'] as const)
          for (const [array, length] of parameterLengths(problem.shape)) {
            const size = 3 * (array === 'encoder' || array === 'skip' ? dIn : array === 'decoder' ? dOut : 1);
            for (let first = 0; first < length; first += size)
              await visit(part, array, first, Math.min(length, first + size));
          }
      };
      await each((part, array, first, end) =>
        access.write(part, array, first, problem.start[part][array]!.subarray(first, end)),
      );
      await access.finish(problem.start);
      const whole = await trainer.state();
      expectSameBits(whole, problem.start);
      await wholeStep(trainer, problem, problem.batches[0]!);
      const after = await trainer.state();
      await each(async (part, array, first, end) => {
        const piece = new Float32Array(end - first);
        await access.read(part, array, first, piece);
        expectSameBits(piece, after[part][array]!.slice(first, end));
      });
      expect(await access.counts()).toEqual({ steps: after.steps, tokensSinceFired: after.tokensSinceFired });
    });
  },
);
