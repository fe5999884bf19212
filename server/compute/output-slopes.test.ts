import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { availableEngines } from '../../test/reference/engines-under-test.ts';
import { ARCHITECTURES, trainingProblem, type TrainingProblem } from '../../test/reference/training-problems.ts';
import { UsageError } from '../foundation/errors.ts';
import { Random } from '../foundation/random.ts';
import type { DictionaryParameters, Engine, EngineTrainer } from './engine.ts';

const engines = (await availableEngines()).filter(({ name }) => name !== 'webgpu');
const architectures = Object.entries(ARCHITECTURES).map(([title, make]) => ({ title, make }));

function problemOf(
  make: (typeof ARCHITECTURES)[string],
  skip: boolean,
  auxiliary: 'normalised' | null,
): TrainingProblem {
  return trainingProblem(
    {
      ...{ dIn: 19, dOut: null, dSae: 40, tokens: 12, kShare: 0.1, seed: 7, exact: false, resumed: false },
      ...{ rescaledByDecoderNorm: false, applyDecoderBiasToInput: true, unitNormDecoder: false, skip },
      ...{ targets: true, objective: 'term', auxiliary, clips: false, partial: false },
    },
    make,
    1,
  );
}

function slopesFor(problem: TrainingProblem): Float32Array {
  const random = new Random(3);
  const { tokens } = problem.batches[0]!;
  return Float32Array.from(
    { length: (tokens.length / problem.shape.dIn) * problem.shape.dOut },
    () => random.normal() / 8,
  );
}

function difference(a: DictionaryParameters, b: DictionaryParameters): DictionaryParameters {
  const names = Object.keys(a) as (keyof DictionaryParameters)[];
  return Object.fromEntries(
    names.map((name) => [name, a[name]!.map((value, i) => value - b[name]![i]!)]),
  ) as unknown as DictionaryParameters;
}

function expectClose(actual: DictionaryParameters, expected: DictionaryParameters): void {
  for (const [name, values] of Object.entries(expected) as [keyof DictionaryParameters, Float32Array][]) {
    const size = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    values.forEach((value, i) => {
      expect(Math.abs(actual[name]![i]! - value), `${name}[${i}]`).toBeLessThanOrEqual(2e-4 * size + 1e-5);
    });
  }
}

describe.each(engines)('slopes of the reconstruction on $name', ({ open }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  const withTrainer = async (
    problem: TrainingProblem,
    work: (trainer: EngineTrainer) => Promise<void>,
  ): Promise<void> => {
    await using trainer = await engine.trainer(problem.shape, problem.start);
    await work(trainer);
  };

  /** 2 w (x̂ − y) + g = 2 w (x̂ − (y − g/2w)): with one reconstruction, slopes are another target. The gate's own loss has one too, and is taken out. */
  it.each(architectures.filter(({ title }) => title !== 'matryoshka'))(
    'move a $title dictionary as another target would',
    async ({ make }) => {
      for (const skip of [false, true]) {
        const problem = problemOf(make, skip, null);
        const { tokens, forward, weights } = problem.batches[0]!;
        const { dOut } = problem.shape;
        const slopes = slopesFor(problem);
        const targets = (forward.targets ?? tokens).map(
          (value, i) => value - slopes[i]! / (2 * weights.reconstruction[Math.floor(i / dOut)]!),
        );
        const doubled = { ...weights, reconstruction: weights.reconstruction.map((weight) => 2 * weight) };
        await withTrainer(problem, async (trainer) => {
          const own = async (settings: typeof forward): Promise<DictionaryParameters> => {
            await trainer.forward(tokens, settings);
            const once = await trainer.gradient(weights, problem.settings);
            return difference(await trainer.gradient(doubled, problem.settings), once);
          };
          const expected = difference(await own({ ...forward, targets }), await own(forward));
          expect(Math.max(...expected.decoder)).toBeGreaterThan(1e-2);
          await trainer.forward(tokens, forward);
          const without = await trainer.gradient(weights, problem.settings);
          const beside = await trainer.outputSlopes!.gradient(weights, problem.settings, slopes);
          expectClose(difference(beside, without), expected);
        });
      }
    },
  );

  it('reach every level of a matryoshka dictionary once', async () => {
    const problem = problemOf(ARCHITECTURES['matryoshka']!, false, null);
    const { tokens, forward, weights } = problem.batches[0]!;
    const slopes = slopesFor(problem);
    const whole = { ...forward, widths: [problem.shape.dSae] };
    await withTrainer(problem, async (trainer) => {
      const rise = async (widths: typeof forward): Promise<DictionaryParameters> => {
        await trainer.forward(tokens, widths);
        const without = await trainer.gradient(weights, problem.settings);
        await trainer.forward(tokens, widths);
        const beside = await trainer.outputSlopes!.gradient(weights, problem.settings, slopes);
        return difference(beside, without);
      };
      expectClose(await rise(forward), await rise(whole));
    });
  });

  it('leave the target of AuxK as it is, and a step without any to the bit', async () => {
    const problem = problemOf(ARCHITECTURES['topk']!, false, 'normalised');
    const { tokens, forward, weights } = problem.batches[0]!;
    const slopes = slopesFor(problem);
    await withTrainer(problem, async (trainer) => {
      await trainer.forward(tokens, forward);
      const plain = await trainer.gradient(weights, problem.settings);
      const own = await trainer.backward(weights, problem.settings);
      await trainer.restore(problem.start);
      await trainer.forward(tokens, forward);
      const beside = await trainer.outputSlopes!.backward(weights, problem.settings, slopes);
      expect(beside.auxiliaryLoss).toBe(own.auxiliaryLoss);
      await trainer.restore(problem.start);
      await trainer.forward(tokens, forward);
      expectClose(
        await trainer.outputSlopes!.gradient(
          weights,
          problem.settings,
          slopes.map(() => 0),
        ),
        plain,
      );
    });
  });

  it('are of x̂ − y as the losses are, and are refused at a wrong length or without a forward pass', async () => {
    const problem = problemOf(ARCHITECTURES['relu, plain penalty']!, false, null);
    const { tokens, forward, weights } = problem.batches[0]!;
    const { dOut } = problem.shape;
    await withTrainer(problem, async (trainer) => {
      const { reconstruction } = await trainer.forward(tokens, forward);
      const residuals = await trainer.outputSlopes!.residuals();
      reconstruction.forEach((loss, i) => {
        const row = residuals.subarray(i * dOut, (i + 1) * dOut);
        const square = row.reduce((sum, value) => sum + value * value, 0);
        expect(Math.abs(square - loss)).toBeLessThan(1e-5 * loss + 1e-9);
      });
      const slopes = slopesFor(problem);
      await expect(trainer.outputSlopes!.backward(weights, problem.settings, slopes.subarray(1))).rejects.toThrow(
        UsageError,
      );
      await trainer.outputSlopes!.backward(weights, problem.settings, slopes);
      await expect(trainer.outputSlopes!.residuals()).rejects.toThrow(/forward pass/);
    });
  });
});
