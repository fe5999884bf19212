import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SparseFeatures } from '../compute/engine.ts';
import { readJson } from '../foundation/files.ts';
import { packageRoot } from '../foundation/package-root.ts';
import { SafetensorsFile } from '../foundation/safetensors.ts';
import type { SplicedLosses } from '../model/language-model.ts';
import { FeatureTally } from './feature-tally.ts';
import { ActivationMoments, reconstructionMetrics, reconstructionSums } from './reconstruction-metrics.ts';
import { SPLICED_METRICS, splicedSums } from './spliced-metrics.ts';
import { maximumDecoderCosine, weightFigures } from './weight-metrics.ts';

/** numpy's and scikit-learn's numbers; made by shared/fixtures/metrics. */
interface Golden {
  readonly tokens: number;
  readonly d: number;
  readonly n: number;
  readonly reconstruction: Readonly<Record<string, number>> & {
    readonly not_explained_variance: Readonly<Record<string, number>>;
  };
  readonly density: Readonly<Record<string, number>>;
  readonly language_model: {
    readonly unmasked_tokens: number;
    readonly ce: Readonly<Record<string, number>>;
    readonly kl: Readonly<Record<string, number>>;
    readonly ce_score: number;
    readonly kl_score: number;
    readonly spliced_perplexity: number;
  };
}

const folder = join(packageRoot, 'test', 'fixtures', 'metrics');
const golden = (await readJson(join(folder, 'golden.json'))) as Golden;
await using problem = await SafetensorsFile.open(join(folder, 'problem.safetensors'));
const [x, xHat, f] = [await problem.float32('x'), await problem.float32('x_hat'), await problem.float32('f')];
const [densities, mask] = [await float64('density'), await problem.bytes('mask')];
const weights = { encoder: await problem.float32('W_enc'), decoder: await problem.float32('W_dec') };
const targets = new BigInt64Array((await problem.bytes('targets')).buffer);
const logits = {
  original: await problem.float32('logits.orig'),
  spliced: await problem.float32('logits.sae'),
  zero: await problem.float32('logits.zero'),
};
const goldenWeights = {
  encoderNorm: await float64('weights.encoder_norm'),
  decoderNorm: await float64('weights.decoder_norm'),
  encoderDecoderCosine: await float64('weights.encoder_decoder_cosine'),
  maximumDecoderCosine: await float64('weights.max_cosine_to_another_decoder_row'),
};

async function float64(name: string): Promise<Float64Array> {
  return new Float64Array((await problem.bytes(name)).buffer);
}

function closeTo(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-6 * Math.max(Math.abs(expected), 1e-9));
}

/** Every reconstruction metric of a set, by name. */
function reconstructionOf(original: Float32Array, reconstructed: Float32Array): Map<string, number> {
  const moments = new ActivationMoments(golden.d);
  moments.add(original);
  const active = f.reduce((count, value) => count + (value !== 0 ? 1 : 0), 0);
  const sums = reconstructionSums(original, reconstructed, golden.d, active);
  sums.centredSquares = moments.squaresAbout(moments.mean);
  return new Map(reconstructionMetrics(golden.d).map(({ name, statistic }) => [name, statistic(sums)]));
}

function sparse(): SparseFeatures {
  const offsets = [0];
  const features: number[] = [];
  const values: number[] = [];
  for (let token = 0; token < golden.tokens; token++) {
    for (let j = 0; j < golden.n; j++) {
      const value = f[token * golden.n + j]!;
      if (value === 0) continue;
      features.push(j);
      values.push(value);
    }
    offsets.push(features.length);
  }
  return {
    offsets: Uint32Array.from(offsets),
    features: Uint32Array.from(features),
    values: Float32Array.from(values),
  };
}

function logProbabilities(all: Float32Array, position: number): number[] {
  const vocabulary = all.length / mask.length;
  const row = [...all.subarray(position * vocabulary, (position + 1) * vocabulary)];
  const maximum = Math.max(...row);
  const logSum = maximum + Math.log(row.reduce((sum, value) => sum + Math.exp(value - maximum), 0));
  return row.map((value) => value - logSum);
}

function losses(all: Float32Array): SplicedLosses {
  const crossEntropy = Float32Array.from(mask, (_, i) => -logProbabilities(all, i)[Number(targets[i])]!);
  const divergence = Float32Array.from(mask, (_, i) => {
    const patched = logProbabilities(all, i);
    return logProbabilities(logits.original, i).reduce((sum, log, j) => sum + Math.exp(log) * (log - patched[j]!), 0);
  });
  return { crossEntropy, divergence };
}

describe('reconstruction metrics', () => {
  const metrics = reconstructionOf(x, xHat);

  it.each(['l0', 'explained_variance', 'cosine', 'norm_ratio', 'relative_reconstruction_bias'])(
    'give numpy’s %s',
    (name) => {
      closeTo(metrics.get(name)!, golden.reconstruction[name]!);
    },
  );

  it('give numpy’s squared error per element', () => {
    closeTo(metrics.get('mse')!, golden.reconstruction['mse_per_element']!);
  });

  it('give an explained variance that is none of the four other formulas of that name', () => {
    for (const other of Object.values(golden.reconstruction.not_explained_variance))
      expect(Math.abs(metrics.get('explained_variance')! - other)).toBeGreaterThan(1e-4);
  });

  it('give explained variance 0 for predicting the mean', () => {
    const moments = new ActivationMoments(golden.d);
    moments.add(x);
    const { mean } = moments;
    const constant = x.map((_, i) => mean[i % golden.d]!);
    expect(Math.abs(reconstructionOf(x, constant).get('explained_variance')!)).toBeLessThan(1e-7);
  });

  it('do not change explained variance when the data is scaled', () => {
    const [scaled, scaledHat] = [x.map((value) => value * 1000), xHat.map((value) => value * 1000)];
    closeTo(
      reconstructionOf(scaled, scaledHat).get('explained_variance')!,
      golden.reconstruction['explained_variance']!,
    );
  });
});

describe('feature densities', () => {
  const tally = new FeatureTally(golden.n, 10);
  tally.add(sparse(), new Int32Array(golden.tokens));

  it('are numpy’s, feature by feature', () => {
    expect([...tally.fires].map((fires) => fires / tally.tokens)).toEqual([...densities]);
  });

  it('give numpy’s shares of dead and of dense features', () => {
    expect(tally.share((density) => density === 0)).toBe(golden.density['share_dead']);
    expect(tally.share((density) => density > 0.01)).toBe(golden.density['share_above_1_percent']);
    expect(tally.share((density) => density > 0.1)).toBe(golden.density['share_above_10_percent']);
  });
});

describe('weight metrics', () => {
  it('are numpy’s, feature by feature', () => {
    const encoder = new Float32Array(golden.n * golden.d);
    weights.encoder.forEach((value, i) => {
      encoder[(i % golden.n) * golden.d + Math.floor(i / golden.n)] = value;
    });
    const dictionary = {
      shape: {
        ...{ dIn: golden.d, dOut: golden.d, dSae: golden.n, skip: false },
        ...{ applyDecoderBiasToInput: false, unitNormDecoder: false },
        architecture: { kind: 'relu', penalty: 'plain' } as const,
      },
      parameters: {
        ...{ encoder, decoder: weights.decoder },
        ...{ encoderBias: new Float32Array(golden.n), decoderBias: new Float32Array(golden.d) },
      },
    };
    const maximumCosines = Float64Array.from({ length: golden.n }, (_, j) => maximumDecoderCosine(dictionary, j));
    const ours = { ...weightFigures(dictionary), maximumDecoderCosine: maximumCosines };
    for (const [name, expected] of Object.entries(goldenWeights))
      ours[name as keyof typeof ours].forEach((value, feature) => {
        closeTo(value, expected[feature]!);
      });
  });
});

describe('spliced metrics', () => {
  // The goldens mask single predictions, so each counted one is a sequence of two ordinary tokens here.
  const [original, zero, spliced] = [losses(logits.original), losses(logits.zero), losses(logits.spliced)];
  const total = [...mask.keys()]
    .filter((i) => mask[i] === 1)
    .map((i) => splicedSums(new Uint8Array(2), original.crossEntropy.subarray(i, i + 1), at(zero, i), at(spliced, i)))
    .reduce((all, one) => {
      for (const name of Object.keys(one) as (keyof typeof one)[]) all[name] += one[name];
      return all;
    });
  const metrics = new Map(SPLICED_METRICS.map(({ name, statistic }) => [name, statistic(total)]));

  function at({ crossEntropy, divergence }: SplicedLosses, i: number): SplicedLosses {
    return { crossEntropy: crossEntropy.subarray(i, i + 1), divergence: divergence.subarray(i, i + 1) };
  }

  it('are numpy’s ratios of means', () => {
    expect(total.predictions).toBe(golden.language_model.unmasked_tokens);
    closeTo(metrics.get('ce_score')!, golden.language_model.ce_score);
    closeTo(metrics.get('kl_score')!, golden.language_model.kl_score);
    closeTo(metrics.get('perplexity_spliced')!, golden.language_model.spliced_perplexity);
    closeTo(metrics.get('perplexity_original')!, Math.exp(golden.language_model.ce['orig']!));
    closeTo(metrics.get('perplexity_zero_ablated')!, Math.exp(golden.language_model.ce['zero']!));
  });

  it('leave out predictions at a special token and of a special token', () => {
    const flags = Uint8Array.of(1, 0, 0, 1);
    const values: SplicedLosses = {
      crossEntropy: Float32Array.of(100, 2, 100),
      divergence: Float32Array.of(100, 0.5, 100),
    };
    const { predictions, crossEntropySpliced, divergenceZero } = splicedSums(
      flags,
      values.crossEntropy,
      values,
      values,
    );
    expect([predictions, crossEntropySpliced, divergenceZero]).toEqual([1, 2, 0.5]);
  });
});
