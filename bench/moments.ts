/**
 * `node bench/run.mjs moments quality|step [--engine cpu|wasm]`: what moments in bfloat16 change, beside float32 ones. Quality: held-out
 * figures of equal runs. Step: processor time on one thread, one step of each in turn.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Engine, EngineShape, EngineTrainer, MomentStorage } from '../server/compute/engine.ts';
import { openEngine } from '../server/compute/engines.ts';
import { unwatched } from '../server/foundation/progress.ts';
import { Random } from '../server/foundation/random.ts';
import { TrainRequest } from '../server/protocol/requests.ts';
import type { TrainResult } from '../server/protocol/results.ts';
import { trainDictionary } from '../server/train/train.ts';
import { median } from './rounds.ts';
import { synthesise, writeActivations } from '../test/synthetic-activations.ts';

const STORAGES: readonly MomentStorage[] = ['float32', 'bfloat16'];
const SEEDS = [0, 1, 2, 3];
const [D_IN, TRUE_FEATURES, D_SAE, ROWS, BATCH, STEPS] = [64, 256, 512, 60_000, 512, 1000];
const ARCHITECTURES = { topk: { kind: 'topk', k: 6 }, relu: { kind: 'relu', l1: 2 } };
const FIGURES = ['mse', 'explainedVariance', 'l0', 'deadShare'] as const;

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1));
const digits = (value: number): string => value.toPrecision(4);

async function quality(engine: Engine): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ssae-moments-'));
  try {
    const data = await writeActivations(folder, synthesise(ROWS, D_IN, TRUE_FEATURES, 1), D_IN);
    const run = async (architecture: object, moments: MomentStorage, seed: number): Promise<TrainResult['final']> => {
      const request = TrainRequest.parse({
        ...{ data: { kind: 'activations', file: 'given' }, architecture, dSae: D_SAE, batch: BATCH },
        ...{ tokens: BATCH * STEPS, output: 'o', seed, moments, checkpointEverySteps: STEPS },
      });
      const origin = { model: null, modelHash: null, hookPoint: null, contextLength: null };
      const place = { engine, origin, outputFolder: join(folder, 'dictionary') };
      return (await trainDictionary(request, data, place, unwatched)).result.final;
    };
    for (const [name, architecture] of Object.entries(ARCHITECTURES)) {
      const runs: Record<MomentStorage, TrainResult['final'][]> = { float32: [], bfloat16: [] };
      for (const seed of SEEDS)
        for (const moments of STORAGES) runs[moments].push(await run(architecture, moments, seed));
      for (const figure of FIGURES) {
        const [wide, narrow] = STORAGES.map((moments) => runs[moments].map((final) => final[figure])) as [
          number[],
          number[],
        ];
        const differences = narrow.map((value, seed) => value - wide[seed]!);
        const spreads = [wide, narrow, differences].map(
          (values) => `${digits(mean(values))} ± ${digits(deviation(values))}`,
        );
        console.log([name, figure, ...spreads].join('\t'));
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

const SHAPE: EngineShape = {
  ...{ dIn: 768, dOut: 768, dSae: 32768, architecture: { kind: 'topk', k: 32, rescaledByDecoderNorm: false } },
  ...{ applyDecoderBiasToInput: true, unitNormDecoder: true, skip: false },
};
const TOKENS = 1024;
const WARM_UP = 3;
const ROUNDS = 5;

function normals(length: number, scale: number): Float32Array {
  const random = new Random(7);
  return Float32Array.from({ length }, () => scale * random.normal());
}

/** Milliseconds of processor time of one step. */
async function cpuOfStep(trainer: EngineTrainer, tokens: Float32Array): Promise<number> {
  const weights = { reconstruction: new Float64Array(TOKENS).fill(1 / TOKENS), sparsity: new Float64Array(TOKENS) };
  const before = process.cpuUsage();
  await trainer.forward(tokens, { sparsityCoefficient: 0 });
  const settings = { learningRate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, maxGradientNorm: null };
  await trainer.backward(weights, { ...settings, auxiliary: null });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function stepTimes(engine: Engine): Promise<void> {
  const directions = normals(SHAPE.dSae * SHAPE.dIn, 1 / Math.sqrt(SHAPE.dIn));
  const start = { encoder: directions, decoder: directions, encoderBias: new Float32Array(SHAPE.dSae) };
  const parameters = { ...start, decoderBias: new Float32Array(SHAPE.dOut) };
  const tokens = normals(TOKENS * SHAPE.dIn, 1);
  await using wide = await engine.trainer(SHAPE, parameters, 'float32');
  await using narrow = await engine.trainer(SHAPE, parameters, 'bfloat16');
  const rounds: [number, number][] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round++)
    rounds.push([await cpuOfStep(wide, tokens), await cpuOfStep(narrow, tokens)]);
  const timed = rounds.slice(WARM_UP);
  const ratios = timed.map(([one, other]) => other / one).sort((a, b) => a - b);
  console.log(
    [
      engine.device,
      `float32 ${digits(median(timed.map(([one]) => one)))} ms`,
      `bfloat16 ${digits(median(timed.map(([, other]) => other)))} ms`,
      `ratio ${digits(median(ratios))} (${digits(ratios[0]!)} to ${digits(ratios.at(-1)!)}), n = ${ROUNDS}`,
    ].join('\t'),
  );
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { engine: { type: 'string', default: 'cpu' } },
});
const work = { quality, step: stepTimes }[positionals[0] ?? ''];
if (work === undefined) throw new Error(`"${positionals[0] ?? ''}" is nothing to measure; expected quality or step`);
if (values.engine !== 'cpu' && values.engine !== 'wasm')
  throw new Error(`--engine is "${values.engine}"; expected cpu or wasm`);
await using engine = await openEngine(values.engine, { threads: 1 });
await work(engine);
