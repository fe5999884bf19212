import fc from 'fast-check';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { expectSameInference, expectSameTraining } from '../../../test/reference/agreement.ts';
import { GOLDEN_ARCHITECTURES, goldenCases } from '../../../test/reference/golden-cases.ts';
import { replayGolden } from '../../../test/reference/golden-replay.ts';
import { PROBLEM_SEED } from '../../../test/reference/engines-under-test.ts';
import { ARCHITECTURES, problemChoices, trainingProblem } from '../../../test/reference/training-problems.ts';
import { useSoftwareGpu } from '../../../test/software-gpu.ts';
import { findGpu } from './device.ts';
import { WebGpuEngine } from './webgpu-engine.ts';
import type { StateOptions } from './dictionary-state.ts';

const absence = useSoftwareGpu();
const search = await findGpu();
const reason = absence ?? (search.kind === 'absent' ? search.reason : null);

async function open(options: Partial<StateOptions> = {}): Promise<WebGpuEngine> {
  const found = await findGpu();
  if (found.kind === 'absent') throw new Error(found.reason);
  return new WebGpuEngine(found.gpu, options);
}

/** Few, since the adapter is slow; a longer search is a matter of setting SSAE_TEST_RUNS. */
const RUNS = Number(process.env['SSAE_TEST_RUNS'] ?? 2);
const architectures = Object.entries(ARCHITECTURES).map(([title, make]) => ({ title, make }));

describe.skipIf(reason !== null)(`the webgpu engine${reason === null ? '' : `: ${reason}`}`, () => {
  let engine: WebGpuEngine;
  /** A few features a tile, a few tokens a block. */
  let tiled: WebGpuEngine;
  beforeAll(async () => {
    engine = await open();
    tiled = await open({ tileBytes: 1500, blockBytes: 2500 });
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await tiled[Symbol.asyncDispose]();
  });

  for (const architecture of GOLDEN_ARCHITECTURES) {
    // Objectives are outside of an engine; one that is not ERM is enough here.
    const cases = goldenCases(architecture).filter(({ title }) => / erm|term_1e9/.test(title));
    if (cases.length === 0) it.skip(`${architecture}: no ../shared/fixtures/train`);
    for (const golden of cases)
      it(`gives PyTorch's losses, weights, gradient and parameters over five steps: ${golden.title}`, () =>
        replayGolden(engine, golden, 1e-5));
  }

  it.each(architectures)('trains as the float64 reference, in tiles: $title', async ({ make }) => {
    await fc.assert(
      fc.asyncProperty(problemChoices, async (choices) => {
        await expectSameTraining(tiled, trainingProblem(choices, make, 2));
      }),
      { numRuns: RUNS, seed: PROBLEM_SEED },
    );
  });

  it.each(architectures)('encodes and decodes as the float64 reference, in tiles: $title', async ({ make }) => {
    await fc.assert(
      fc.asyncProperty(problemChoices, async (choices) => {
        await expectSameInference(tiled, trainingProblem(choices, make, 1));
      }),
      { numRuns: RUNS, seed: PROBLEM_SEED },
    );
  });
});
