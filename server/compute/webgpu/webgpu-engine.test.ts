import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { largeProblem, RELU, SETTINGS, TOPK } from '../../../test/fixtures/train/problems.ts';
import { useSoftwareGpu } from '../../../test/software-gpu.ts';
import type { EngineShape, EngineTrainer, StepSettings, TrainingState } from '../engine.ts';
import { DeviceLostError } from '../device-lost.ts';
import { engineAvailability, openEngine } from '../engines.ts';
import { findGpu, shortfallOf, type Gpu } from './device.ts';
import { gridOf } from './kernel.ts';
import { WebGpuEngine } from './webgpu-engine.ts';

const absence = useSoftwareGpu();
const search = await findGpu();
const reason = absence ?? (search.kind === 'absent' ? search.reason : null);

async function gpu(): Promise<Gpu> {
  const found = await findGpu();
  if (found.kind === 'absent') throw new Error(found.reason);
  return found.gpu;
}

const SMALL = { dIn: 12, dOut: 12, dSae: 130 };
const BATCHTOPK: EngineShape = {
  ...TOPK,
  architecture: { kind: 'batchtopk', k: 5, rescaledByDecoderNorm: false },
};
const FULL_SETTINGS: StepSettings = {
  ...SETTINGS,
  maxGradientNorm: 0.5,
  auxiliary: { k: 20, coefficient: 0.03, deadAfterTokens: 100, form: 'normalised' },
};
const { parameters, batch, weights } = largeProblem(SMALL.dIn, SMALL.dSae, 40);

async function step(trainer: EngineTrainer): Promise<void> {
  await trainer.forward(batch, { sparsityCoefficient: 0.01 });
  await trainer.backward(weights, FULL_SETTINGS);
}

function bytesOf(state: TrainingState): unknown {
  const { tokensSinceFired, steps, ...groups } = state;
  const bytes = (values: Float32Array): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const inGroup = (group: object): unknown =>
    Object.entries(group).map(([name, values]) => [name, bytes(values as Float32Array)]);
  return [Object.values(groups).map(inGroup), steps, tokensSinceFired];
}

describe('the limits of a GPU', () => {
  it('are refused by name where they are too small for the kernels', () => {
    const enough = {
      maxStorageBuffersPerShaderStage: 8,
      maxComputeInvocationsPerWorkgroup: 256,
      maxComputeWorkgroupStorageSize: 16384,
    };
    expect(shortfallOf(enough)).toBe(null);
    expect(shortfallOf({ ...enough, maxStorageBuffersPerShaderStage: 4 })).toBe(
      'its maxStorageBuffersPerShaderStage is 4, and the kernels need 8',
    );
  });

  it('of a row of workgroups is kept by a second one', () => {
    expect(gridOf(65535)).toEqual([65535, 1]);
    expect(gridOf(65536)).toEqual([65535, 2]);
  });
});

describe.skipIf(reason !== null)(`the webgpu engine${reason === null ? '' : `: ${reason}`}`, () => {
  let engine: WebGpuEngine;
  beforeAll(async () => {
    engine = new WebGpuEngine(await gpu());
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  it('is listed with its device, says that it is software, and is never what auto takes then', async () => {
    const listed = (await engineAvailability()).find(({ name }) => name === 'webgpu');
    expect(listed).toMatchObject({ available: true, reason: null });
    expect(listed?.device).toMatch(/SwiftShader.*, in software/);
    await using auto = await openEngine('auto', { threads: 1 });
    expect(auto.name).not.toBe('webgpu');
    await using named = await openEngine('webgpu');
    expect(named.name).toBe('webgpu');
  });

  it.each([
    ['top-k', { ...TOPK, ...SMALL }],
    ['ReLU', { ...RELU, ...SMALL }],
    ['BatchTopK', { ...BATCHTOPK, ...SMALL }],
  ])('gives the same bytes again, whole and resumed from a stored state: %s', async (_, shape) => {
    await using first = await engine.trainer(shape, parameters);
    await step(first);
    await using resumed = await engine.trainer(shape, await first.state());
    await using again = await engine.trainer(shape, parameters);
    await step(again);
    for (const trainer of [first, resumed, again]) await step(trainer);
    const expected = bytesOf(await first.state());
    expect(bytesOf(await resumed.state())).toEqual(expected);
    expect(bytesOf(await again.state())).toEqual(expected);
  });

  it('names the first activation row that is not finite, and works on afterwards', async () => {
    await using trainer = await engine.trainer({ ...TOPK, ...SMALL }, parameters);
    const damaged = batch.slice();
    damaged[37 * SMALL.dIn + 3] = NaN;
    await expect(trainer.forward(damaged, { sparsityCoefficient: 0 })).rejects.toThrow(
      'activation row 37 is not finite',
    );
    await expect(trainer.encode(damaged)).rejects.toThrow('activation row 37 is not finite');
    await expect(trainer.backward(weights, SETTINGS)).rejects.toThrow('needs a forward pass');
    await step(trainer);
    await trainer[Symbol.asyncDispose]();
    await expect(trainer.encode(batch)).rejects.toThrow('was disposed of');
  });

  it('grows its room for a batch with more activations than the last, and gives what it gives with room enough', async () => {
    const shape: EngineShape = { ...RELU, ...SMALL };
    await using dictionary = await engine.dictionary(shape, parameters);
    await using roomy = await engine.dictionary(shape, parameters);
    await roomy.encode(batch.map((value) => 4 * value));
    const rows = await dictionary.encode(batch);
    expect(rows.features.length).toBeGreaterThan(40 * (130 / 16 + 1));
    expect(await roomy.encode(batch)).toEqual(rows);
  });

  it('trains a dictionary whose later levels are wider than the first, from its first step', async () => {
    const shape: EngineShape = {
      ...BATCHTOPK,
      ...SMALL,
      architecture: { kind: 'matryoshka', k: 5, rescaledByDecoderNorm: false },
    };
    await using trainer = await engine.trainer(shape, parameters);
    await trainer.forward(batch, { sparsityCoefficient: 0, widths: [8, 32, 130] });
    await trainer.backward(weights, FULL_SETTINGS);
    const { parameters: moved } = await trainer.state();
    for (const level of [0, 8, 32]) {
      const rows = [level * SMALL.dIn, (level + 8) * SMALL.dIn] as const;
      expect(moved.decoder.subarray(...rows)).not.toEqual(parameters.decoder.subarray(...rows));
    }
  });

  it('refuses a batch beyond what the GPU binds at once, with the figures', async () => {
    await using small = new WebGpuEngine({ ...(await gpu()), maxBytes: 4096 });
    await using trainer = await small.trainer({ ...TOPK, ...SMALL }, parameters);
    await expect(trainer.forward(largeProblem(12, 130, 400).batch, { sparsityCoefficient: 0 })).rejects.toThrow(
      /tokens take 0.0183 MiB, and SwiftShader.* binds at most 0.00391 MiB at once; take a smaller batch, or --engine cpu/,
    );
  });

  it('says that the GPU was lost, so that training can go on elsewhere', async () => {
    const lost = await gpu();
    await using broken = new WebGpuEngine(lost);
    await using trainer = await broken.trainer({ ...TOPK, ...SMALL }, parameters);
    await step(trainer);
    lost.device.destroy();
    await expect(trainer.forward(batch, { sparsityCoefficient: 0 })).rejects.toThrow(DeviceLostError);
    await expect(trainer.forward(batch, { sparsityCoefficient: 0 })).rejects.toThrow('go on from the last checkpoint');
  });
});
