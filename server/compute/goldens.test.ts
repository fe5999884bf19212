import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DictionaryParameters, Engine, EngineShape, StepSettings, TokenWeights } from './engine.ts';
import { engineAvailability, openEngine } from './engines.ts';
import { packageRoot } from '../foundation/package-root.ts';
import { SafetensorsFile } from '../foundation/safetensors.ts';

/** Goldens of PyTorch autograd in float64: test/fixtures/train/README.md. */
const FIXTURES = join(packageRoot, 'test', 'fixtures', 'train');
const TOLERANCE = 1e-5;

interface CaseConfig {
  readonly arch: 'relu_l1' | 'relu_l1_unit' | 'topk' | 'topk_auxk';
  readonly k: number;
  readonly apply_b_dec_to_input: boolean;
  readonly sparsity_coefficient: number;
  readonly unit_norm_decoder: boolean;
  readonly auxk_coefficient: number;
  readonly auxk_k: number;
  readonly auxk_normalise: boolean;
  readonly dead_after_tokens: number;
  readonly objective: 'erm' | 'tilt' | 'relative_tilt';
  readonly tilt: number;
  readonly tilts: 'total' | 'reconstruction';
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly max_grad_norm: number | null;
}

function shapeOf(config: CaseConfig): EngineShape {
  const penalty = config.arch === 'relu_l1' ? 'decoder_norm_weighted' : 'plain';
  return {
    ...{ dIn: 12, dSae: 40 },
    architecture: config.arch.startsWith('relu') ? { kind: 'relu', penalty } : { kind: 'topk', k: config.k },
    applyDecoderBiasToInput: config.apply_b_dec_to_input,
    unitNormDecoder: config.unit_norm_decoder,
  };
}

function settingsOf(config: CaseConfig, learningRate: number): StepSettings {
  return {
    learningRate,
    ...{ beta1: config.betas[0], beta2: config.betas[1], epsilon: config.eps, maxGradientNorm: config.max_grad_norm },
    auxiliary:
      config.auxk_coefficient === 0
        ? null
        : {
            k: config.auxk_k,
            coefficient: config.auxk_coefficient,
            deadAfterTokens: config.dead_after_tokens,
            normalised: config.auxk_normalise,
          },
  };
}

function softmax(losses: Float64Array, t: number): Float64Array {
  const largest = Math.max(...losses);
  const powers = losses.map((loss) => Math.exp(t * (loss - largest)));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

function weigh(config: CaseConfig, reconstruction: Float64Array, sparsity: Float64Array): TokenWeights {
  const even = new Float64Array(reconstruction.length).fill(1 / reconstruction.length);
  if (config.objective === 'erm') return { reconstruction: even, sparsity: even };
  const losses =
    config.tilts === 'total' ? reconstruction.map((loss, index) => loss + sparsity[index]!) : reconstruction;
  const average = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  const weights = softmax(losses, config.objective === 'tilt' ? config.tilt : config.tilt / average);
  return { reconstruction: weights, sparsity: config.tilts === 'total' ? weights : even };
}

function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(matrix, (_, index) => matrix[(index % rows) * columns + Math.floor(index / rows)]!);
}

async function parametersOf(file: SafetensorsFile, group: string): Promise<DictionaryParameters> {
  return {
    encoder: transposed(await file.float32(`${group}.W_enc`), 12, 40),
    encoderBias: await file.float32(`${group}.b_enc`),
    decoder: await file.float32(`${group}.W_dec`),
    decoderBias: await file.float32(`${group}.b_dec`),
  };
}

/** Largest difference, relative to the largest expected magnitude. */
function deviation(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  const magnitudes = Array.from(expected, Math.abs);
  const differences = magnitudes.map((_, index) => Math.abs(actual[index]! - expected[index]!));
  expect(actual.length).toBe(expected.length);
  return Math.max(...differences) / (Math.max(...magnitudes) || 1);
}

function expectParameters(actual: DictionaryParameters, expected: DictionaryParameters, what: string): void {
  for (const name of ['encoder', 'encoderBias', 'decoder', 'decoderBias'] as const)
    expect(deviation(actual[name], expected[name]), `${what} ${name}`).toBeLessThan(TOLERANCE);
}

async function replay(engine: Engine, architecture: string, name: string, config: CaseConfig): Promise<void> {
  await using problem = await SafetensorsFile.open(join(FIXTURES, architecture, 'problem.safetensors'));
  await using golden = await SafetensorsFile.open(join(FIXTURES, architecture, `${name}.safetensors`));
  const shape = shapeOf(config);
  const start = await parametersOf(problem, 'params0');
  await using trainer = await engine.trainer(shape, start);
  const since = new BigInt64Array((await problem.bytes('tokens_since_fired0')).buffer);
  await trainer.restore({ ...(await trainer.state()), tokensSinceFired: Float64Array.from(since, Number) });
  const read = (tensor: string, step: number): Promise<Float32Array> => golden.float32(tensor, step * 16, 16);
  const [rates, norms, l0] = await Promise.all(['lr', 'grad_norm', 'l0'].map((tensor) => golden.float32(tensor)));
  for (let step = 0; step < 5; step++) {
    const batch = await problem.float32('batches', step * 16 * 12, 16 * 12);
    const losses = await trainer.forward(batch, config.sparsity_coefficient);
    expect(losses.active / 16).toBeCloseTo(l0![step]!, 6);
    expect(deviation(losses.reconstruction, await read('token_reconstruction', step))).toBeLessThan(TOLERANCE);
    const weights = weigh(config, losses.reconstruction, losses.sparsity);
    expect(deviation(weights.reconstruction, await read('weights', step))).toBeLessThan(4 * TOLERANCE);
    const settings = settingsOf(config, rates![step]!);
    if (step === 0)
      expectParameters(await trainer.gradient(weights, settings), await parametersOf(golden, 'grad1'), 'grad1');
    const results = await trainer.backward(weights, settings);
    if (config.max_grad_norm !== null) expect(results.gradientNorm! / norms![step]!).toBeCloseTo(1, 4);
    if (golden.tensors.has('aux')) {
      const expected = (await golden.float32('aux'))[step]!;
      expect(Math.abs(results.auxiliaryLoss - expected)).toBeLessThanOrEqual(TOLERANCE * Math.abs(expected));
    }
    const { parameters, tokensSinceFired } = await trainer.state();
    if (step === 0) expectParameters(parameters, await parametersOf(golden, 'params1'), 'params1');
    if (step === 4) expectParameters(parameters, await parametersOf(golden, 'params5'), 'params5');
    if (golden.tensors.has('tokens_since_fired')) {
      const bytes = await golden.bytes('tokens_since_fired', step * 40, 40);
      expect(tokensSinceFired).toEqual(Float64Array.from(new BigInt64Array(bytes.buffer), Number));
    }
  }
}

const architectures = ['relu_l1', 'relu_l1_unit', 'topk', 'topk_auxk'];
const available = (await engineAvailability()).filter((engine) => engine.available);

describe.each(available)('the $name engine', ({ name: engineName }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine(engineName, { threads: 2 });
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  for (const architecture of architectures) {
    const { cases } = JSON.parse(readFileSync(join(FIXTURES, architecture, 'cases.json'), 'utf8')) as {
      cases: Record<string, { config: CaseConfig }>;
    };
    const files = new Set(readdirSync(join(FIXTURES, architecture)));
    for (const [name, { config }] of Object.entries(cases)) {
      if (!files.has(`${name}.safetensors`)) continue;
      it(`gives PyTorch's losses, gradient and parameters over five steps: ${architecture} ${name}`, () =>
        replay(engine, architecture, name, config));
    }
  }
});
