import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { referenceEngine } from '../../test/reference/engine.ts';
import { TestShelf, withForward } from '../../test/shelf.ts';
import { WorkError } from '../foundation/errors.ts';
import { DeviceLostError } from './device-lost.ts';
import { candidatesFor, type Candidates } from './engine-choice.ts';
import type { Engine, EngineName } from './engine.ts';
import { ShelvedEngines, type EngineShelf } from './run-engines.ts';
import type { GpuStep } from './webgpu/predicted-memory.ts';

const STEP: GpuStep = {
  shape: {
    ...{ dIn: 8, dOut: 8, dSae: 16, architecture: { kind: 'topk', k: 2, rescaledByDecoderNorm: false } },
    ...{ applyDecoderBiasToInput: true, unitNormDecoder: true, skip: false },
  },
  ...{ batch: 8, levels: 1, auxiliary: 0 },
};
const HAS_GPU: Candidates = { addon: null, gpu: null };
const HAS_NO_GPU: Candidates = { addon: null, gpu: 'there is no adapter' };

/** The reference, whose steps take so long. */
function taking(name: EngineName, milliseconds: number): Engine {
  return withForward(referenceEngine, () => sleep(milliseconds), { name, device: `${name}'s device` });
}

function choosing(
  shelf: EngineShelf,
  candidates: Candidates,
  choice: ConstructorParameters<typeof ShelvedEngines>[0] = 'auto',
): ShelvedEngines {
  return new ShelvedEngines(choice, shelf, () => Promise.resolve(candidates));
}

const all = (): TestShelf =>
  new TestShelf({ cpu: taking('cpu', 0), wasm: taking('wasm', 0), webgpu: taking('webgpu', 0) });

describe('the engine that auto takes', () => {
  it('is the addon, without measuring anything, where there is no GPU', async () => {
    const shelf = all();
    expect(await choosing(shelf, HAS_NO_GPU).verdict(STEP)).toEqual({
      name: 'cpu',
      reason: 'cpu; webgpu is not available: there is no adapter',
    });
    expect(shelf.opened).toEqual([]);
  });

  it('is WebAssembly where the addon does not load, and the reason is told', async () => {
    const chosen = await choosing(all(), { ...HAS_NO_GPU, addon: 'it was built for another processor' }).first(
      STEP,
      null,
    );
    expect(chosen.engine.name).toBe('wasm');
    expect(chosen.reason).toBe(
      'wasm; cpu is not available: it was built for another processor; webgpu is not available: there is no adapter',
    );
  });

  it.each([
    [
      'webgpu',
      40,
      4,
      /^webgpu \(webgpu's device\): [\d.]+ ms a step, cpu \(cpu's device\): [\d.]+ ms a step \(measured, 8 tokens, 16 features of 8\)$/,
    ],
    ['cpu', 4, 40, /^cpu \(cpu's device\): [\d.]+ ms a step, webgpu \(webgpu's device\): [\d.]+ ms a step/],
    ['cpu', 150, 145, /^cpu /],
  ])(
    'is %s, the one that is clearly faster, when steps take %i ms on cpu and %i ms on the GPU',
    async (name, cpu, gpu, reason) => {
      const shelf = new TestShelf({ cpu: taking('cpu', cpu), webgpu: taking('webgpu', gpu) });
      const verdict = await choosing(shelf, HAS_GPU).verdict(STEP);
      expect(verdict.name).toBe(name);
      expect(verdict.reason).toMatch(reason);
    },
  );

  it('is measured once in a process', async () => {
    const shelf = all();
    const first = await choosing(shelf, HAS_GPU).verdict(STEP);
    const opened = shelf.opened.length;
    expect(await choosing(shelf, HAS_GPU).verdict({ ...STEP })).toBe(first);
    expect(shelf.opened.length).toBe(opened);
  });

  it('is no GPU that fails while it is measured', async () => {
    const shelf = new TestShelf({ cpu: taking('cpu', 0) });
    const { name, reason } = await choosing(shelf, HAS_GPU).verdict(STEP);
    expect(name).toBe('cpu');
    expect(reason).toContain('webgpu failed when it was measured: the engine "webgpu" is not available');
  });

  it('is one that a process without a GPU finds in no time', async () => {
    const { gpu } = await candidatesFor(STEP);
    const began = performance.now();
    await candidatesFor(STEP);
    if (gpu?.includes('is not installed') === true) expect(performance.now() - began).toBeLessThan(50);
  });
});

describe('a run that is resumed', () => {
  it('stays on the engine of its checkpoint, whatever is faster now', async () => {
    const { engine, reason, insteadOf } = await choosing(all(), HAS_NO_GPU).first(STEP, {
      engine: 'wasm',
      earlier: [],
    });
    expect([engine.name, reason, insteadOf]).toEqual(['wasm', 'wasm, which made the checkpoint', null]);
  });

  it.each(['auto', 'cpu'] as const)(
    'goes on elsewhere where that engine is gone, and says so: --engine %s',
    async (choice) => {
      const shelf = new TestShelf({ cpu: taking('cpu', 0) });
      const { engine, insteadOf } = await choosing(shelf, HAS_NO_GPU, choice).first(STEP, {
        engine: 'webgpu',
        earlier: [],
      });
      expect(engine.name).toBe('cpu');
      expect(insteadOf).toEqual({ engine: 'webgpu', why: 'the engine "webgpu" is not available: none here' });
    },
  );

  it('stays where a loss has brought it, though the lost engine is asked for again', async () => {
    const { engine, insteadOf } = await choosing(all(), HAS_GPU, 'webgpu').first(STEP, {
      engine: 'cpu',
      earlier: ['webgpu'],
    });
    expect([engine.name, insteadOf]).toEqual(['cpu', null]);
  });

  it('does not take an engine that this version does not have', async () => {
    const { insteadOf } = await choosing(all(), HAS_NO_GPU).first(STEP, { engine: 'abacus', earlier: [] });
    expect(insteadOf).toEqual({ engine: 'abacus', why: 'this version has no engine "abacus"' });
  });
});

describe('after a loss', () => {
  it('cpu goes on, then WebAssembly, then nothing; no lost engine comes again', async () => {
    const engines = choosing(all(), HAS_GPU, 'webgpu');
    const gpu = await engines.first(STEP, null);
    const cpu = await engines.after(gpu.engine, new DeviceLostError('driver reset', 12));
    expect(cpu.engine.name).toBe('cpu');
    expect(cpu.insteadOf).toEqual({
      engine: 'webgpu',
      why: "webgpu (webgpu's device) was lost at step 12: driver reset",
    });
    const wasm = await engines.after(cpu.engine, new DeviceLostError('unplugged'));
    expect(wasm.engine.name).toBe('wasm');
    const failure = await engines.after(wasm.engine, new DeviceLostError('gone')).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WorkError);
    expect((failure as Error).message).toMatch(/was lost: gone, and no engine is left to go on.*--resume/);
  });

  it('auto does not measure the lost GPU again', async () => {
    const shelf = all();
    const engines = choosing(shelf, HAS_GPU);
    await engines.after(await shelf.open('webgpu'), new DeviceLostError('driver reset', 3));
    const { name, reason } = await engines.verdict(STEP);
    expect(name).toBe('cpu');
    expect(reason).toContain('was lost at step 3: driver reset');
  });
});
