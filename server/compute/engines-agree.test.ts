import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import type { Engine } from './engine.ts';
import { expectSameInference, expectSameTraining } from '../../test/reference/agreement.ts';
import { availableEngines, PROBLEM_SEED } from '../../test/reference/engines-under-test.ts';
import {
  ARCHITECTURES,
  problemChoices,
  trainingProblem,
  type ProblemChoices,
} from '../../test/reference/training-problems.ts';

const STEPS = 3;
const architectures = Object.entries(ARCHITECTURES).map(([title, make]) => ({ title, make }));

describe.each(await availableEngines())('the $name engine', ({ open, isSlow }) => {
  const runs = isSlow ? 15 : 40;
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  it.each(architectures)(
    'trains as the float64 reference on every shape, objective and mode: $title',
    async ({ make }) => {
      let [problems, steps] = [0, 0];
      await fc.assert(
        fc.asyncProperty(problemChoices, async (choices) => {
          problems++;
          steps += await expectSameTraining(engine, trainingProblem(choices, make, STEPS));
        }),
        { numRuns: runs, seed: PROBLEM_SEED },
      );
      expect(steps, 'steps that were far enough from another decision').toBeGreaterThan(problems);
    },
  );

  it.each(architectures)('encodes and decodes as the float64 reference: $title', async ({ make }) => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(problemChoices, async (choices) => {
        compared += Number(await expectSameInference(engine, trainingProblem(choices, make, 1)));
      }),
      { numRuns: 30, seed: PROBLEM_SEED },
    );
    expect(compared).toBeGreaterThan(15);
  });

  it.skipIf(isSlow).each(architectures)(
    'agrees over several blocks of tokens and slices of features: $title',
    async ({ make }) => {
      const choices: ProblemChoices = {
        ...{ dIn: 7, dOut: null, dSae: 1100, tokens: 130, kShare: 0.01, seed: 5, exact: true },
        ...{ rescaledByDecoderNorm: false, applyDecoderBiasToInput: true, unitNormDecoder: false, skip: false },
        ...{ targets: false, objective: 'term', auxiliary: 'normalised', clips: true, partial: false, resumed: false },
      };
      expect(await expectSameTraining(engine, trainingProblem(choices, make, 1))).toBe(1);
    },
  );
});
