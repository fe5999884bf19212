/** One golden case on one engine, step by step. */
import { expect } from 'vitest';
import type {
  DictionaryParameters,
  Engine,
  EngineArchitecture,
  EngineShape,
  EngineTrainer,
  StepSettings,
  TokenWeights,
} from '../../server/compute/engine.ts';
import { SafetensorsFile } from '../../server/foundation/safetensors.ts';
import type { GoldenCase, GoldenConfig } from './golden-cases.ts';
import { sum } from './matrices.ts';

const [D_IN, D_SAE, TOKENS, STEPS] = [12, 40, 16, 5];
/** Weights are softmax(t ℓ): at the tilts here ℓ's deviation grows up to so many times. */
const TILT_AMPLIFICATION = 4;

function architectureOf(config: GoldenConfig): EngineArchitecture {
  const { k, bandwidth } = config;
  const rescaledByDecoderNorm = config.rescale_acts_by_decoder_norm;
  switch (config.arch) {
    case 'relu_l1':
      return { kind: 'relu', penalty: 'decoder_norm_weighted' };
    case 'relu_l1_unit':
      return { kind: 'relu', penalty: 'plain' };
    case 'topk':
    case 'topk_auxk':
      return { kind: 'topk', k, rescaledByDecoderNorm };
    case 'batchtopk':
    case 'matryoshka':
      return { kind: config.arch, k, rescaledByDecoderNorm };
    case 'jumprelu': {
      const penalty =
        config.jumprelu_penalty === 'step'
          ? ({ kind: 'step' } as const)
          : ({ kind: 'tanh', scale: config.tanh_scale } as const);
      return { kind: 'jumprelu', penalty, bandwidth, straightThroughToInput: config.ste_to_input };
    }
    case 'gated':
      return { kind: 'gated', variant: config.gated_variant };
  }
}

function shapeOf(config: GoldenConfig): EngineShape {
  return {
    ...{ dIn: D_IN, dOut: D_IN, dSae: D_SAE, skip: false },
    architecture: architectureOf(config),
    applyDecoderBiasToInput: config.apply_b_dec_to_input,
    unitNormDecoder: config.unit_norm_decoder,
  };
}

function settingsOf(config: GoldenConfig, learningRate: number): StepSettings {
  const form = config.auxk_scale_by_dead_count ? 'saelens' : config.auxk_normalise ? 'normalised' : 'plain';
  const { auxk_k: k, auxk_coefficient: coefficient, dead_after_tokens: deadAfterTokens } = config;
  return {
    learningRate,
    ...{ beta1: config.betas[0], beta2: config.betas[1], epsilon: config.eps, maxGradientNorm: config.max_grad_norm },
    auxiliary: coefficient === 0 ? null : { k, coefficient, deadAfterTokens, form },
  };
}

interface Weighed {
  /** R, without auxiliary terms. */
  readonly risk: number;
  readonly weights: TokenWeights;
  readonly effectiveSampleSize: number;
}

/** ERM and TERM as the fixtures' page states them; the training loop's own are tested beside it. */
function weigh(config: GoldenConfig, reconstruction: Float64Array, sparsity: Float64Array): Weighed {
  const tokens = reconstruction.length;
  const apart = config.tilts === 'reconstruction';
  const losses = apart ? reconstruction : reconstruction.map((loss, i) => loss + sparsity[i]!);
  const mean = sum(losses) / tokens;
  const t = { erm: 0, tilt: config.tilt, relative_tilt: config.tilt / mean }[config.objective];
  const largest = Math.max(...losses);
  const powers = losses.map((loss) => Math.exp(t * (loss - largest)));
  const tilted = powers.map((power) => power / sum(powers));
  const risk = t === 0 ? mean : largest + Math.log(sum(powers) / tokens) / t;
  return {
    risk: risk + (apart ? sum(sparsity) / tokens : 0),
    weights: { reconstruction: tilted, sparsity: apart ? new Float64Array(tokens).fill(1 / tokens) : tilted },
    effectiveSampleSize: 1 / sum(tilted.map((weight) => weight * weight)),
  };
}

function transposed(matrix: Float32Array): Float32Array {
  return Float32Array.from(matrix, (_, index) => matrix[(index % D_IN) * D_SAE + Math.floor(index / D_IN)]!);
}

async function parametersOf(file: SafetensorsFile, group: string): Promise<DictionaryParameters> {
  const read = (name: string): Promise<Float32Array> => file.float32(`${group}.${name}`);
  const has = (name: string): boolean => file.tensors.has(`${group}.${name}`);
  return {
    encoder: transposed(await read('W_enc')),
    encoderBias: await read(has('b_gate') ? 'b_gate' : 'b_enc'),
    decoder: await read('W_dec'),
    decoderBias: await read('b_dec'),
    ...(has('threshold') ? { threshold: await read('threshold') } : {}),
    ...(has('b_mag') ? { magnitudeScale: await read('r_mag'), magnitudeBias: await read('b_mag') } : {}),
  };
}

/** Differences are relative to the largest expected magnitude. */
function expectWithin(tolerance: number, actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  expect(actual.length, what).toBe(expected.length);
  const magnitudes = Array.from(expected, Math.abs);
  const differences = magnitudes.map((_, index) => Math.abs(actual[index]! - expected[index]!));
  expect(Math.max(...differences) / (Math.max(...magnitudes) || 1), what).toBeLessThan(tolerance);
}

interface Replay {
  readonly trainer: EngineTrainer;
  readonly config: GoldenConfig;
  readonly golden: SafetensorsFile;
  readonly tolerance: number;
}

async function expectParameters(
  { golden, tolerance }: Replay,
  actual: DictionaryParameters,
  group: string,
): Promise<void> {
  const expected = await parametersOf(golden, group);
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const name of Object.keys(expected) as (keyof DictionaryParameters)[])
    expectWithin(tolerance, actual[name]!, expected[name]!, `${group} ${name}`);
}

/** @returns the smallest activation */
async function replayForward(
  replay: Replay,
  batch: Float32Array,
  step: number,
): Promise<Weighed & { smallest: number | null }> {
  const { trainer, config, golden, tolerance } = replay;
  const read = (tensor: string): Promise<Float32Array> => golden.float32(tensor, step * TOKENS, TOKENS);
  const { arch, widths, sparsity_coefficient: sparsityCoefficient } = config;
  const result = await trainer.forward(batch, { sparsityCoefficient, ...(arch === 'matryoshka' ? { widths } : {}) });
  const at = `of step ${step}`;
  expect(result.active / TOKENS).toBeCloseTo((await golden.float32('l0'))[step]!, 6);
  expectWithin(tolerance, result.reconstruction, await read('token_reconstruction'), `reconstruction ${at}`);
  if (golden.tensors.has('token_sparsity'))
    expectWithin(tolerance, result.sparsity, await read('token_sparsity'), `sparsity ${at}`);
  const weighed = weigh(config, result.reconstruction, result.sparsity);
  const tilted = TILT_AMPLIFICATION * tolerance;
  expectWithin(tilted, weighed.weights.reconstruction, await read('weights'), `weights ${at}`);
  expectWithin(tilted, [weighed.effectiveSampleSize], [(await golden.float32('ess'))[step]!], `ess ${at}`);
  return { ...weighed, smallest: result.smallest };
}

async function replayBackward(replay: Replay, { risk, weights }: Weighed, step: number): Promise<void> {
  const { trainer, config, golden, tolerance } = replay;
  const one = async (tensor: string): Promise<number> => (await golden.float32(tensor))[step]!;
  const settings = settingsOf(config, await one('lr'));
  if (step === 0) await expectParameters(replay, await trainer.gradient(weights, settings), 'grad1');
  const { auxiliaryLoss, gradientNorm, dead } = await trainer.backward(weights, settings);
  const at = `of step ${step}`;
  if (golden.tensors.has('aux')) expectWithin(tolerance, [auxiliaryLoss], [await one('aux')], `auxiliary loss ${at}`);
  expectWithin(tolerance, [risk + auxiliaryLoss], [await one('loss')], `loss ${at}`);
  if (gradientNorm !== null) expectWithin(tolerance, [gradientNorm], [await one('grad_norm')], `gradient norm ${at}`);
  const { parameters, tokensSinceFired } = await trainer.state();
  if (step === 0) await expectParameters(replay, parameters, 'params1');
  if (step === STEPS - 1) await expectParameters(replay, parameters, 'params5');
  if (!golden.tensors.has('tokens_since_fired')) return;
  const silent = await golden.bytes('tokens_since_fired', step * D_SAE, D_SAE);
  expect(tokensSinceFired).toEqual(Float64Array.from(new BigInt64Array(silent.buffer), Number));
  const flags = await golden.bytes('dead', step * D_SAE, D_SAE);
  expect(dead).toBe([...flags].filter((flag) => flag !== 0).length);
}

/**
 * Losses, weights, effective sample size, first gradient, parameters after one and five steps, and losses with auxiliary terms.
 * @param tolerance relative to the largest magnitude of each tensor; 1e-5 for float32
 * @throws the test's assertion
 */
export async function replayGolden(
  engine: Engine,
  { problem: problemPath, golden: goldenPath, config, thresholdRate }: GoldenCase,
  tolerance: number,
): Promise<void> {
  await using problem = await SafetensorsFile.open(problemPath);
  await using golden = await SafetensorsFile.open(goldenPath);
  await using trainer = await engine.trainer(shapeOf(config), await parametersOf(problem, 'params0'));
  const silent = new BigInt64Array((await problem.bytes('tokens_since_fired0')).buffer);
  await trainer.restore({ ...(await trainer.state()), tokensSinceFired: Float64Array.from(silent, Number) });
  const replay = { trainer, config, golden, tolerance };
  let threshold = 0;
  for (let step = 0; step < STEPS; step++) {
    const batch = await problem.float32('batches', step * TOKENS * D_IN, TOKENS * D_IN);
    const weighed = await replayForward(replay, batch, step);
    await replayBackward(replay, weighed, step);
    if (!golden.tensors.has('threshold_saelens')) continue;
    threshold = (1 - thresholdRate) * threshold + thresholdRate * weighed.smallest!;
    const expected = (await golden.float32('threshold_saelens'))[step]!;
    expectWithin(tolerance, [threshold], [expected], `inference threshold of step ${step}`);
  }
}
