import { describe, expect, it } from 'vitest';
import { largeProblem, RELU, SETTINGS, TOPK } from '../../../test/fixtures/train/problems.ts';
import { useSoftwareGpu } from '../../../test/software-gpu.ts';
import type { EngineShape } from '../engine.ts';
import { findGpu } from './device.ts';
import { gpuShortfall, predictGpuMemory, type GpuStep } from './predicted-memory.ts';
import { WebGpuEngine } from './webgpu-engine.ts';

const absence = useSoftwareGpu();
const search = await findGpu();
const reason = absence ?? (search.kind === 'absent' ? search.reason : null);

const MEBIBYTE = 2 ** 20;
const large: GpuStep = {
  shape: { ...TOPK, dIn: 2304, dOut: 2304, dSae: 65536 },
  ...{ batch: 4096, levels: 1, auxiliary: 512 },
};

describe('the memory of a step on a GPU', () => {
  it('is parameters and moments most of all where the dictionary is large', () => {
    const [parameters, ...rest] = predictGpuMemory(large);
    expect(parameters).toMatchObject({
      what: 'parameters and two moments',
      arithmetic: `3 × 4 × ${2 * 2304 * 65536 + 65536 + 2304}`,
      bytes: 12 * (2 * 2304 * 65536 + 65536 + 2304),
    });
    expect(parameters!.bytes).toBeGreaterThan(rest.reduce((sum, { bytes }) => sum + bytes, 0));
  });

  it('fits where its parts can be cut, however large the dictionary is', () => {
    expect(gpuShortfall(large, 'a GPU', 128 * MEBIBYTE)).toBe(null);
  });

  it('does not fit where a batch is larger than what is bound at once, and the arithmetic is told', () => {
    expect(gpuShortfall({ ...large, batch: 100_000 }, 'a GPU', 128 * MEBIBYTE)).toBe(
      'batch take 879 MiB (4 × 100000 × 2304), 879 MiB of them in one buffer, and a GPU binds at most 128 MiB at once',
    );
  });
});

describe.skipIf(reason !== null)(`what is allocated${reason === null ? '' : `: ${reason}`}`, () => {
  const sizes = { dIn: 64, dOut: 64, dSae: 4096 };
  const shapes: readonly (readonly [string, EngineShape, number])[] = [
    [
      'top-k with its auxiliary loss',
      { ...TOPK, ...sizes, architecture: { kind: 'topk', k: 16, rescaledByDecoderNorm: false } },
      32,
    ],
    ['ReLU', { ...RELU, ...sizes }, 0],
    ['BatchTopK', { ...TOPK, ...sizes, architecture: { kind: 'batchtopk', k: 16, rescaledByDecoderNorm: false } }, 32],
  ];

  it.each(shapes)('is no more than predicted, and most of that: %s', async (_, shape, auxiliary) => {
    const found = await findGpu();
    if (found.kind === 'absent') throw new Error(found.reason);
    const { gpu } = found;
    let allocated = 0;
    const create = gpu.device.createBuffer.bind(gpu.device);
    gpu.device.createBuffer = (descriptor) => {
      // What is read back is there for a moment only.
      if ((descriptor.usage & GPUBufferUsage.MAP_READ) === 0) allocated += descriptor.size;
      return create(descriptor);
    };
    await using engine = new WebGpuEngine(gpu);
    const { parameters, batch, weights } = largeProblem(shape.dIn, shape.dSae, 256);
    if (shape.architecture.kind === 'relu') parameters.encoderBias.fill(-3);
    await using trainer = await engine.trainer(shape, parameters);
    await trainer.forward(batch, { sparsityCoefficient: 0.01 });
    const loss = { k: auxiliary, coefficient: 0.03, deadAfterTokens: 100, form: 'normalised' } as const;
    await trainer.backward(weights, { ...SETTINGS, auxiliary: auxiliary === 0 ? null : loss });
    const terms = predictGpuMemory({ shape, batch: 256, levels: 1, auxiliary });
    const readBack = terms.at(-1)!.bytes;
    const predicted = terms.reduce((sum, { bytes }) => sum + bytes, 0) - readBack;
    expect(allocated).toBeLessThan(1.05 * predicted);
    expect(allocated).toBeGreaterThan(0.6 * predicted);
  });
});
