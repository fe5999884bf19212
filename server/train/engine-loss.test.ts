import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { referenceEngine } from '../../test/reference/engine.ts';
import { losing, TestShelf, withForward } from '../../test/shelf.ts';
import { useSoftwareGpu } from '../../test/software-gpu.ts';
import { synthesise, writeActivations } from '../../test/synthetic-activations.ts';
import type { Engine, EngineName } from '../compute/engine.ts';
import { openEngine, type EngineChoice } from '../compute/engines.ts';
import { ShelvedEngines } from '../compute/run-engines.ts';
import { findGpu } from '../compute/webgpu/device.ts';
import { WebGpuEngine } from '../compute/webgpu/webgpu-engine.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { Interrupted, UsageError } from '../foundation/errors.ts';
import { unwatched, type JobControl } from '../foundation/progress.ts';
import { TrainRequest } from '../protocol/requests.ts';
import { checkpointPath, readProgress } from './checkpoint.ts';
import { trainDictionary, type TrainedDictionary } from './train.ts';

const absence = useSoftwareGpu();
const search = await findGpu();
const gpuMissing = absence ?? (search.kind === 'absent' ? search.reason : null);

const D_IN = 8;
const STEPS = 40;
const origin = { model: null, modelHash: null, hookPoint: null, contextLength: null };

let folder: string;
let data: ActivationFolder;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-loss-'));
  data = await writeActivations(folder, synthesise(1000, D_IN, 12, 1), D_IN);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

let output: string;
let outputs = 0;
let told: string[];
beforeEach(() => {
  output = join(folder, `dictionary-${outputs++}`);
  told = [];
});

const listening: JobControl = {
  ...unwatched,
  report: ({ notice }) => {
    if (notice?.startsWith('engine: ') === true) told.push(notice);
  },
};

function train(
  shelf: TestShelf,
  changes: Record<string, unknown> = {},
  choice: EngineChoice = 'webgpu',
  control: JobControl = listening,
): Promise<TrainedDictionary> {
  const engine = new ShelvedEngines(choice, shelf, () => Promise.resolve({ addon: null, gpu: 'none here' }));
  const request = TrainRequest.parse({
    data: { kind: 'activations', file: 'given' },
    ...{ architecture: { kind: 'topk', k: 3 }, dSae: 24, batch: 64, tokens: 64 * STEPS, output: 'o', seed: 3 },
    ...{ optimizer: { learningRate: 3e-3 }, checkpointEverySteps: 7, ...changes },
  });
  return trainDictionary(request, data, { engine, origin, outputFolder: output }, control);
}

const plain = (name: EngineName): Engine => ({ ...referenceEngine, name });
const weights = (): Promise<Buffer> => readFile(join(output, 'sae_weights.safetensors'));

async function uninterrupted(): Promise<Buffer> {
  await train(new TestShelf({ cpu: plain('cpu') }), {}, 'cpu');
  const whole = await weights();
  output = `${output}-lost`;
  told = [];
  return whole;
}

describe('a run whose device is lost', () => {
  it('goes on from the last checkpoint on the next engine, says so, and records it', async () => {
    const whole = await uninterrupted();
    const { result } = await train(new TestShelf({ webgpu: losing('webgpu', 18), cpu: plain('cpu') }));
    // The engines of this test compute the same, so that a step done twice or left out would show.
    expect((await weights()).equals(whole)).toBe(true);
    const why = "webgpu (webgpu's device) was lost at step 18: driver reset";
    const changes = [{ from: 'webgpu', to: 'cpu', step: 14, why }];
    expect(result).toMatchObject({ engine: 'cpu', engineReason: `cpu; ${why}`, engineChanges: changes, steps: STEPS });
    expect(told).toEqual([
      'engine: webgpu, as asked for',
      `engine: ${why}; cpu (${referenceEngine.device}) goes on from step 14, the last checkpoint`,
    ]);
    const manifest = JSON.parse(await readFile(join(output, 'manifest.json'), 'utf8')) as { config: unknown };
    expect(manifest.config).toMatchObject({ engine: 'cpu', engineChanges: changes });
    expect(await stat(checkpointPath(output)).catch(() => null)).toBe(null);
  });

  it('begins anew where there is no checkpoint yet', async () => {
    const whole = await uninterrupted();
    const { result } = await train(new TestShelf({ webgpu: losing('webgpu', 5), cpu: plain('cpu') }));
    expect((await weights()).equals(whole)).toBe(true);
    expect(result.engineChanges).toMatchObject([{ step: 0 }]);
    expect(told[1]).toMatch(/goes on from the start$/);
  });

  it('does so again when the next device is lost too, and records both', async () => {
    const whole = await uninterrupted();
    const shelf = new TestShelf({ webgpu: losing('webgpu', 10), cpu: losing('cpu', 3), wasm: plain('wasm') });
    const { result } = await train(shelf);
    expect((await weights()).equals(whole)).toBe(true);
    expect(result.engineChanges.map(({ from, to, step }) => [from, to, step])).toEqual([
      ['webgpu', 'cpu', 7],
      ['cpu', 'wasm', 7],
    ]);
    expect(result.engineChanges[1]!.why).toContain('was lost at step 10');
  });

  it('ends with what to do when no engine is left, and keeps the checkpoint', async () => {
    const shelf = new TestShelf({ webgpu: losing('webgpu', 10), wasm: losing('wasm', 9) });
    await expect(train(shelf)).rejects.toThrow(/was lost at step 16.*no engine is left to go on.*--resume/);
    expect(await readProgress(checkpointPath(output))).toMatchObject({ steps: 14, run: { engine: 'wasm' } });
  });

  it('is known to the checkpoint, so that a run that is resumed later records it still', async () => {
    const stopping = new AbortController();
    const before = (pass: number): void => {
      if (pass === 6) stopping.abort();
    };
    const cpu = withForward(referenceEngine, before, { name: 'cpu' });
    const shelf = new TestShelf({ webgpu: losing('webgpu', 10), cpu });
    const stopped = train(shelf, {}, 'webgpu', { ...unwatched, signal: stopping.signal });
    await expect(stopped).rejects.toThrow(Interrupted);
    const later = new TestShelf({ webgpu: plain('webgpu'), cpu: plain('cpu') });
    const { result } = await train(later, { resume: true }, 'webgpu');
    expect(result.engine).toBe('cpu');
    expect(result.engineChanges).toMatchObject([{ from: 'webgpu', to: 'cpu', step: 7 }]);
  });
});

describe('a run that is resumed', () => {
  async function stopAt(pass: number, name: EngineName): Promise<void> {
    const stopping = new AbortController();
    const engine = withForward(
      referenceEngine,
      (at) => {
        if (at === pass) stopping.abort();
      },
      { name },
    );
    const stopped = train(new TestShelf({ [name]: engine }), {}, name, { ...unwatched, signal: stopping.signal });
    await expect(stopped).rejects.toThrow(Interrupted);
  }

  it('stays on the engine of its checkpoint when auto would take another', async () => {
    const whole = await uninterrupted();
    await stopAt(9, 'wasm');
    const shelf = new TestShelf({ cpu: plain('cpu'), wasm: plain('wasm') });
    const { result } = await train(shelf, { resume: true }, 'auto');
    expect(result).toMatchObject({ engine: 'wasm', engineChanges: [] });
    expect(told).toEqual(['engine: wasm, which made the checkpoint']);
    expect((await weights()).equals(whole)).toBe(true);
  });

  it('goes on elsewhere where that engine is not here, and says and records so', async () => {
    await stopAt(9, 'webgpu');
    const { result } = await train(new TestShelf({ cpu: plain('cpu') }), { resume: true }, 'auto');
    const why = 'the engine "webgpu" is not available: none here';
    expect(result.engineChanges).toEqual([{ from: 'webgpu', to: 'cpu', step: 9, why }]);
    expect(told[0]).toBe(`engine: ${why}; cpu (${referenceEngine.device}) goes on from step 9, the last checkpoint`);
  });

  it('is refused on another engine that is asked for by name while its own is here', async () => {
    await stopAt(9, 'wasm');
    const other = train(new TestShelf({ cpu: plain('cpu'), wasm: plain('wasm') }), { resume: true }, 'cpu');
    await expect(other).rejects.toThrow(UsageError);
    await expect(other).rejects.toThrow(/engine: "wasm" in the checkpoint, "cpu" now/);
  });
});

describe.skipIf(gpuMissing !== null)(`a GPU${gpuMissing === null ? '' : `: ${gpuMissing}`}`, () => {
  it('that is destroyed in the middle of a run leaves it to the processors', async () => {
    const found = await findGpu();
    if (found.kind === 'absent') throw new Error(found.reason);
    const broken = new WebGpuEngine(found.gpu);
    onTestFinished(() => broken[Symbol.asyncDispose]());
    const webgpu = withForward(broken, (pass) => {
      if (pass === 10) found.gpu.device.destroy();
    });
    await using processor = await openEngine('wasm', { threads: 1 });
    const { result, dictionary } = await train(new TestShelf({ webgpu, wasm: processor }));
    expect(result.engineChanges).toMatchObject([{ from: 'webgpu', to: 'wasm', step: 7 }]);
    expect(result.engineChanges[0]!.why).toMatch(/^webgpu \(SwiftShader.*\) was lost at step 10: /);
    expect(result.final.explainedVariance).toBeGreaterThan(0);
    expect(dictionary.parameters.encoder.every(Number.isFinite)).toBe(true);
  });
});
