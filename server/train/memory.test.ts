import { describe, expect, it } from 'vitest';
import type { EngineShape } from '../compute/engine.ts';
import { offeredMemory } from '../foundation/machine-memory.ts';
import { memoryFor, predictMemory, refuseTooLarge, type MemoryPlan } from './memory.ts';

const GIB = 2 ** 30;

function shape(dIn: number, dSae: number, architecture: EngineShape['architecture']): EngineShape {
  return { dIn, dOut: dIn, dSae, architecture, applyDecoderBiasToInput: true, unitNormDecoder: true, skip: false };
}
function planOf(shape: EngineShape, batch: number, more: Partial<MemoryPlan> = {}): MemoryPlan {
  return { shape, batch, ...more };
}
const TOPK = { kind: 'topk', k: 32, rescaledByDecoderNorm: false } as const;
const RELU = { kind: 'relu', penalty: 'plain' } as const;

describe('the memory of a run', () => {
  it('of 65,536 features at width 2304 fits into 24 GiB, whatever keeps features silent', () => {
    const parameters = 4 * (2 * 2304 * 65536 + 65536 + 2304);
    const topk = predictMemory(planOf(shape(2304, 65536, TOPK), 4096));
    expect(topk.items[0]).toEqual({
      what: 'parameters',
      arithmetic: '4 × 65536 × (2304 + 2304) and biases',
      bytes: parameters,
    });
    expect(topk.bytes).toBeGreaterThan(3 * parameters);
    expect(topk.bytes / GIB).toBeCloseTo(6.02, 2);
    expect(predictMemory(planOf(shape(2304, 65536, RELU), 4096)).bytes).toBeLessThan(24 * GIB);
    expect(topk.items.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(topk.bytes);
  });

  it('grows with features, width and batch', () => {
    const base = predictMemory(planOf(shape(512, 8192, TOPK), 4096)).bytes;
    expect(predictMemory(planOf(shape(512, 16384, TOPK), 4096)).bytes).toBeGreaterThan(base);
    expect(predictMemory(planOf(shape(1024, 8192, TOPK), 4096)).bytes).toBeGreaterThan(base);
    expect(predictMemory(planOf(shape(512, 8192, TOPK), 8192)).bytes).toBeGreaterThan(base);
  });

  it('counts the copy of the state that an engine hands out for a checkpoint', () => {
    const plan = planOf(shape(512, 8192, TOPK), 2048);
    expect(predictMemory(plan, 'webgpu').bytes).toBeGreaterThan(predictMemory(plan, 'cpu').bytes);
  });

  it('of moments in bfloat16 is less by half of what float32 ones take, and the sum says so', () => {
    const plan = planOf(shape(2304, 65536, TOPK), 4096);
    const narrow = predictMemory({ ...plan, moments: 'bfloat16' });
    const matrices = 2 * 2304 * 65536;
    expect(predictMemory(plan).bytes - narrow.bytes).toBe(2 * 2 * matrices);
    expect(narrow.items[1]).toEqual({
      what: 'two moments',
      arithmetic: '2 × 2 × 65536 × (2304 + 2304) in bfloat16, and biases',
      bytes: 2 * (2 * matrices + 4 * (65536 + 2304)),
    });
  });

  it('counts moments to the end where the engine never gives memory back', () => {
    const plan = planOf(shape(512, 8192, TOPK), 2048);
    expect(predictMemory(plan, 'wasm').bytes).toBeGreaterThan(predictMemory(plan, 'cpu').bytes);
  });

  it('of micro-batches holds the gradient, and of a step only the piece', () => {
    const large = planOf(shape(512, 8192, RELU), 65536);
    const whole = predictMemory(large).bytes;
    const pieces = predictMemory({ ...large, microBatch: 2048 });
    expect(pieces.items.map(({ what }) => what)).toContain('gradient of a batch');
    expect(pieces.bytes).toBeLessThan(whole / 4);
  });

  it('above what there is is refused with every term of the sum, and who set the limit', () => {
    const needed = predictMemory(planOf(shape(2304, 65536, TOPK), 4096));
    expect(() => {
      refuseTooLarge(needed, { bytes: 24 * GIB, by: 'machine' });
    }).not.toThrow();
    expect(() => {
      refuseTooLarge(needed, { bytes: 4 * GIB, by: 'cgroup' });
    }).toThrow(
      /needs 6\.02 GiB of memory, and this process's control group may take 4\.00 GiB: parameters 1\.13 GiB \(4 × 65536 × \(2304 \+ 2304\) and biases\) \+ two moments 2\.25 GiB \(2 × parameters\) \+ what they start from 1\.13 GiB.*--d-sae.*--memory/,
    );
    expect(() => {
      refuseTooLarge(needed, memoryFor(GIB));
    }).toThrow(/and --memory allows 1\.00 GiB/);
  });

  it('is measured against what this machine has', () => {
    const { bytes, by } = offeredMemory();
    expect(bytes).toBeGreaterThan(0);
    expect(['machine', 'cgroup']).toContain(by);
  });
});
