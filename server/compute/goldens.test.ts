import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Engine } from './engine.ts';
import { referenceEngine } from '../../test/reference/engine.ts';
import { availableEngines } from '../../test/reference/engines-under-test.ts';
import { GOLDEN_ARCHITECTURES, goldenCases } from '../../test/reference/golden-cases.ts';
import { replayGolden } from '../../test/reference/golden-replay.ts';

const TOLERANCE = 1e-5;
const engines = [{ name: 'reference', open: () => Promise.resolve(referenceEngine) }, ...(await availableEngines())];

describe.each(engines)('the $name engine', ({ open }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  for (const architecture of GOLDEN_ARCHITECTURES) {
    const cases = goldenCases(architecture);
    if (cases.length === 0) it.skip(`${architecture}: no ../shared/fixtures/train`);
    for (const golden of cases)
      it(`gives PyTorch's losses, weights, gradient and parameters over five steps: ${golden.title}`, () =>
        replayGolden(engine, golden, TOLERANCE));
  }
});
