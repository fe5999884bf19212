import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ARCHITECTURES, trainingProblem, type TrainingProblem } from '../../../test/reference/training-problems.ts';
import type { Engine, EngineTrainer, TrainingState } from '../engine.ts';
import { engineAvailability, openEngine } from '../engines.ts';
import { describeTensorFlow, findTensorFlow, startTensorFlow, type Tf } from './backend.ts';
import { TensorFlowEngine } from './tensorflow-engine.ts';

const architectures = Object.entries(ARCHITECTURES).map(([title, make]) => ({ title, make }));

/** Small, with everything that a step may have in it. */
function smallTraining(make: (typeof ARCHITECTURES)[string]): TrainingProblem {
  return trainingProblem(
    {
      ...{ dIn: 7, dOut: null, dSae: 40, tokens: 12, kShare: 0.1, seed: 7, exact: false, resumed: false },
      ...{ rescaledByDecoderNorm: true, applyDecoderBiasToInput: true, unitNormDecoder: true, skip: false },
      ...{ targets: false, objective: 'term', auxiliary: 'normalised', clips: true, partial: false },
    },
    make,
    3,
  );
}

async function step(trainer: EngineTrainer, { settings, batches }: TrainingProblem, at: number): Promise<void> {
  const batch = batches[at]!;
  await trainer.forward(batch.tokens, batch.forward);
  await trainer.backward(batch.weights, settings);
}

async function trained(engine: Engine, problem: TrainingProblem): Promise<TrainingState> {
  await using trainer = await engine.trainer(problem.shape, problem.start);
  for (const at of problem.batches.keys()) await step(trainer, problem, at);
  return await trainer.state();
}

describe('the tensorflow engine', () => {
  const printed = vi.spyOn(console, 'warn');
  const logged = vi.spyOn(console, 'log');
  let tf: Tf;
  let engine: TensorFlowEngine;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ssae-tensorflow-'));
    const started = await startTensorFlow({ kind: 'own' });
    tf = started.tf;
    engine = new TensorFlowEngine(started);
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  /** A package in the place of TensorFlow's own. @param code of its main file */
  function install(name: 'tfjs-node' | 'tfjs-node-gpu', version: string, code: string): string {
    const place = join(folder, name, 'node_modules', '@tensorflow', name);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'package.json'), JSON.stringify({ name: `@tensorflow/${name}`, version }));
    writeFileSync(join(place, 'index.js'), code);
    return join(folder, name);
  }

  it('is listed with what computes and why it is no faster, is opened by name, and never taken by auto', async () => {
    const listed = (await engineAvailability()).find(({ name }) => name === 'tensorflow');
    expect(listed).toEqual({
      ...{ name: 'tensorflow', available: true, reason: null },
      device: expect.stringMatching(
        /^tfjs 4\.\d+\.\d+, its slow CPU backend \(neither @tensorflow\/tfjs-node-gpu nor @tensorflow\/tfjs-node is installed\)$/,
      ) as string,
    });
    await using named = await openEngine('tensorflow');
    expect([named.name, named.device]).toEqual(['tensorflow', listed?.device]);
    await using auto = await openEngine('auto', { threads: 1 });
    expect(auto.name).not.toBe('tensorflow');
  });

  it('finds a native package from any of the folders, the one for GPUs first, and describes it without running it', async () => {
    const onCpu = install('tfjs-node', '4.1.0', 'throw new Error("tfjs_binding.node is missing");');
    const onGpu = install('tfjs-node-gpu', '4.2.0', 'throw new Error("libcudart is missing");');
    expect(findTensorFlow([folder])).toEqual({ kind: 'own' });
    const found = findTensorFlow([onCpu, onGpu]);
    expect(found).toMatchObject({ kind: 'native', name: '@tensorflow/tfjs-node-gpu', version: '4.2.0' });
    const slower = findTensorFlow([folder, onCpu]);
    const place = join(onCpu, 'node_modules', '@tensorflow', 'tfjs-node');
    expect(await describeTensorFlow(slower)).toBe(`tfjs-node 4.1.0 in ${place}, loaded when the engine is chosen`);
    await expect(startTensorFlow(slower)).rejects.toThrow(
      `the engine "tensorflow" is not available: @tensorflow/tfjs-node in ${place} did not start: tfjs_binding.node is missing. ` +
        'Repair or remove the package, or take --engine cpu or wasm',
    );
  });

  it('looks for native packages where SSAE_TENSORFLOW says, and never where the user stands', () => {
    const strange = install('tfjs-node', '4.1.0', 'throw new Error("this was run");');
    const stood = vi.spyOn(process, 'cwd').mockReturnValue(strange);
    expect(findTensorFlow()).toEqual({ kind: 'own' });
    stood.mockRestore();
    vi.stubEnv('SSAE_TENSORFLOW', strange);
    expect(findTensorFlow()).toMatchObject({ kind: 'native', version: '4.1.0' });
    vi.unstubAllEnvs();
  });

  it('computes with the package of the user where that starts', async () => {
    const { resolve } = createRequire(import.meta.url);
    const native = install(
      'tfjs-node',
      '4.3.0',
      `const tf = require(${JSON.stringify(resolve('@tensorflow/tfjs-core'))});
       require(${JSON.stringify(resolve('@tensorflow/tfjs-backend-cpu'))});
       let calls = 0;
       const matMul = (...given) => (calls++, tf.matMul(...given));
       module.exports = { ...tf, matMul, calls: () => calls, backend: () => ({ isUsingGpuDevice: true }) };`,
    );
    const started = await startTensorFlow(findTensorFlow([native]));
    expect(started.device).toBe('tfjs-node 4.3.0, GPU');
    await using other = new TensorFlowEngine(started);
    const problem = smallTraining(ARCHITECTURES['topk']!);
    expect(await trained(other, problem)).toEqual(await trained(engine, problem));
    expect((started.tf as Tf & { calls(): number }).calls()).toBeGreaterThan(10);
  });

  it.each(architectures)('gives the same bits again, and goes on from a stored state: $title', async ({ make }) => {
    const problem = smallTraining(make);
    const expected = await trained(engine, problem);
    await using first = await engine.trainer(problem.shape, problem.start);
    await step(first, problem, 0);
    const stored = await first.state();
    await using second = await engine.trainer(problem.shape, stored);
    await step(first, problem, 1);
    await first.restore(stored);
    for (const trainer of [first, second]) {
      await step(trainer, problem, 1);
      await step(trainer, problem, 2);
      expect(await trainer.state()).toEqual(expected);
    }
  });

  it('takes and gives copies', async () => {
    const problem = smallTraining(ARCHITECTURES['relu, weighted penalty']!);
    const { shape, start, batches, settings } = problem;
    await using trainer = await engine.trainer(shape, start);
    const stored = await trainer.state();
    const batch = batches[0]!.tokens.slice();
    await trainer.forward(batch, batches[0]!.forward);
    for (const array of [batch, stored.parameters.encoder, stored.firstMoment.decoder]) array.fill(7);
    const gradient = await trainer.gradient(batches[0]!.weights, settings);
    await using untouched = await engine.trainer(shape, start);
    await untouched.forward(batches[0]!.tokens, batches[0]!.forward);
    expect(gradient).toEqual(await untouched.gradient(batches[0]!.weights, settings));
  });

  it.each(architectures)('leaves nothing in the memory of TensorFlow: $title', async ({ make }) => {
    const before = { ...tf.memory() };
    const problem = smallTraining(make);
    {
      await using trainer = await engine.trainer(problem.shape, problem.start);
      const held = tf.memory().numTensors;
      await step(trainer, problem, 0);
      await trainer.trainOnly(new Uint8Array(40).fill(1, 20));
      await step(trainer, problem, 1);
      await trainer.decode(await trainer.encode(problem.batches[0]!.tokens));
      expect(tf.memory().numTensors).toBe(held);
      await trainer.forward(problem.batches[2]!.tokens, problem.batches[2]!.forward);
      await trainer.gradient(problem.batches[2]!.weights, problem.settings);
    }
    expect(tf.memory()).toEqual(before);
  });

  it('prints nothing, though TensorFlow.js greets and advises whoever starts it', () => {
    expect(printed).not.toHaveBeenCalled();
    expect(logged).not.toHaveBeenCalled();
  });
});
