/** An engine beside the reference, call by call. */
import { expect } from 'vitest';
import type {
  DictionaryParameters,
  Engine,
  EngineTrainer,
  ParameterName,
  TrainingState,
} from '../../server/compute/engine.ts';
import { deadLatents } from './auxiliary.ts';
import { referenceEngine } from './engine.ts';
import { forwardPass } from './forward.ts';
import { decisionMargin } from './margins.ts';
import { relu } from './matrices.ts';
import { widen } from './parameters.ts';
import type { TrainingBatch, TrainingProblem } from './training-problems.ts';

/** Nearer to a decision than this, float32 may decide otherwise. */
const LEAST_MARGIN = 1e-5;
/** Of the largest value. PyTorch's goldens hold 1e-5; random problems cancel, and Adam divides small gradients by their own size. */
const TOLERANCE = 1e-4;

const largestOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);

/** Relative to the largest value; of a single number that is a sum which cancels, `scale` says how large its terms are. */
function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string, scale = 1e-3): void {
  const allowed = TOLERANCE * Math.max(scale, largestOf(expected));
  expect(actual.length, what).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    if (!(Math.abs(actual[i]! - expected[i]!) <= allowed))
      expect.fail(`${what}[${i}] is ${actual[i]}, expected ${expected[i]} within ${allowed}`);
}

function expectParameters(actual: DictionaryParameters, expected: DictionaryParameters, what: string): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  const names = Object.keys(expected) as ParameterName[];
  const scale = Math.max(1e-3, ...names.map((name) => largestOf(expected[name]!)));
  for (const name of names) expectClose(actual[name]!, expected[name]!, `${what} ${name}`, scale);
}

function expectState(actual: TrainingState, expected: TrainingState, what: string): void {
  expectParameters(actual.parameters, expected.parameters, `${what}: parameter`);
  expectParameters(actual.firstMoment, expected.firstMoment, `${what}: first moment of`);
  expectParameters(actual.secondMoment, expected.secondMoment, `${what}: second moment of`);
  expect(actual.steps).toBe(expected.steps);
  expect(actual.tokensSinceFired).toEqual(expected.tokensSinceFired);
}

async function expectForward(trainer: EngineTrainer, reference: EngineTrainer, batch: TrainingBatch): Promise<void> {
  const actual = await trainer.forward(batch.tokens, batch.forward);
  const expected = await reference.forward(batch.tokens, batch.forward);
  expectClose(actual.reconstruction, expected.reconstruction, 'reconstruction');
  expectClose(actual.sparsity, expected.sparsity, 'sparsity');
  expect(actual.active, 'active').toBe(expected.active);
  expect(actual.smallest === null, 'whether there is a smallest activation').toBe(expected.smallest === null);
  if (expected.smallest !== null) expectClose([actual.smallest!], [expected.smallest], 'smallest', 1);
}

function isDecided(
  { shape, settings, exact }: TrainingProblem,
  batch: TrainingBatch,
  state: TrainingState,
  step: number,
): boolean {
  if (exact && step === 0) return true;
  const given = widen(shape, state.parameters);
  const parameters = given.threshold === undefined ? given : { ...given, threshold: given.threshold.map(relu) };
  const pass = forwardPass(shape, parameters, batch.tokens, batch.forward);
  const silent = state.tokensSinceFired;
  const after = silent.map((count, j) => (pass.features.some((row) => row[j]! > 0) ? 0 : count + pass.x.length));
  const latents = settings.auxiliary === null ? null : deadLatents(pass, settings.auxiliary, silent, after);
  return decisionMargin(pass, latents) > LEAST_MARGIN;
}

/**
 * Trains on the problem's batches, comparing losses, raw gradients, results and the whole state of every step, until a batch lies too near
 * to another decision for float32 to be held to it.
 * @returns the steps compared
 * @throws the test's assertion
 */
export async function expectSameTraining(engine: Engine, problem: TrainingProblem): Promise<number> {
  const { shape, start, settings, trained, batches } = problem;
  await using trainer = await engine.trainer(shape, start);
  await using reference = await referenceEngine.trainer(shape, start);
  await trainer.trainOnly(trained);
  await reference.trainOnly(trained);
  for (const [step, batch] of batches.entries()) {
    if (!isDecided(problem, batch, await reference.state(), step)) return step;
    await expectForward(trainer, reference, batch);
    const { weights } = batch;
    const gradient = await reference.gradient(weights, settings);
    expectParameters(await trainer.gradient(weights, settings), gradient, `step ${step}: gradient of`);
    const actual = await trainer.backward(weights, settings);
    const expected = await reference.backward(weights, settings);
    expectClose([actual.auxiliaryLoss], [expected.auxiliaryLoss], 'auxiliary loss');
    expect(actual.dead, 'dead').toBe(expected.dead);
    expect(actual.gradientNorm === null, 'whether there is a norm').toBe(settings.maxGradientNorm === null);
    if (actual.gradientNorm !== null) expectClose([actual.gradientNorm], [expected.gradientNorm!], 'gradient norm');
    expectState(await trainer.state(), await reference.state(), `after step ${step}`);
  }
  return batches.length;
}

/**
 * Encodes the first batch and decodes it.
 * @returns whether the batch is far enough from other decisions to be compared
 * @throws the test's assertion
 */
export async function expectSameInference(engine: Engine, problem: TrainingProblem): Promise<boolean> {
  const { shape, start, batches } = problem;
  const batch = batches[0]!;
  if (!isDecided(problem, batch, start, 0)) return false;
  await using dictionary = await engine.dictionary(shape, start.parameters);
  await using reference = await referenceEngine.dictionary(shape, start.parameters);
  const actual = await dictionary.encode(batch.tokens);
  const expected = await reference.encode(batch.tokens);
  expect([...actual.offsets]).toEqual([...expected.offsets]);
  expect([...actual.features]).toEqual([...expected.features]);
  expectClose(actual.values, expected.values, 'features');
  expectClose(await dictionary.decode(actual), await reference.decode(expected), 'f W_dec + b_dec');
  return true;
}
