import { describe, expect, it } from 'vitest';
import type { EngineShape, SparseFeatures } from '../compute/engine.ts';
import { shippedFile } from '../foundation/package-root.ts';
import { SafetensorsFile } from '../foundation/safetensors.ts';
import { SeedGradient, type GradientDictionary, type TracInSettings } from './tracin.ts';

/** PyTorch autograd's per-token gradients in float64, dotted; see shared/fixtures/train/README.md. */
const D_IN = 12;
const D_SAE = 40;
const K = 6;

function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from({ length: matrix.length }, (_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);
}

/** Rows [from, to) of a dense [tokens, d_sae] matrix. */
function sparse(dense: Float32Array, from: number, to: number): SparseFeatures {
  const [offsets, features, values] = [[0], [] as number[], [] as number[]];
  for (let token = from; token < to; token++) {
    for (let feature = 0; feature < D_SAE; feature++)
      if (dense[token * D_SAE + feature] !== 0) {
        features.push(feature);
        values.push(dense[token * D_SAE + feature]!);
      }
    offsets.push(features.length);
  }
  return {
    offsets: Uint32Array.from(offsets),
    features: Uint32Array.from(features),
    values: Float32Array.from(values),
  };
}

async function problem(kind: 'relu' | 'topk') {
  await using file = await SafetensorsFile.open(
    shippedFile('test', 'fixtures', 'retrieve', `tracin_${kind}.safetensors`),
  );
  const tensors = new Map<string, Float32Array>();
  for (const [name, { dtype }] of file.tensors) if (dtype === 'F64') tensors.set(name, await file.float32(name));
  const get = (name: string): Float32Array => tensors.get(name)!;
  const shape: EngineShape = {
    ...{ dIn: D_IN, dOut: D_IN, dSae: D_SAE, applyDecoderBiasToInput: true, unitNormDecoder: false, skip: false },
    architecture:
      kind === 'relu' ? { kind, penalty: 'decoder_norm_weighted' } : { kind, k: K, rescaledByDecoderNorm: false },
  };
  const dictionary: GradientDictionary = {
    shape,
    parameters: {
      encoder: transposed(get('params.W_enc'), D_IN, D_SAE),
      encoderBias: get('params.b_enc'),
      decoder: get('params.W_dec'),
      decoderBias: get('params.b_dec'),
    },
  };
  const seeds = get('seeds').length / D_IN;
  const tokens = get('f').length / D_SAE;
  return {
    ...{ get, dictionary, seeds, candidates: tokens - seeds },
    seedFeatures: sparse(get('f'), 0, seeds),
    candidateFeatures: sparse(get('f'), seeds, tokens),
  };
}

/** Σ over seeds of `prefix.dot.*` [seeds, candidates]. */
function summedDots(
  get: (name: string) => Float32Array,
  prefix: string,
  names: string[],
  seeds: number,
  candidates: number,
): number[] {
  return Array.from({ length: candidates }, (_, c) => {
    let sum = 0;
    for (const name of names) for (let s = 0; s < seeds; s++) sum += get(`${prefix}.dot.${name}`)[s * candidates + c]!;
    return sum;
  });
}

function largestRelativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  const scale = Math.max(...Array.from(expected, Math.abs));
  return Math.max(...Array.from(actual, (value, i) => Math.abs(value - expected[i]!))) / scale;
}

const raw = { unitTokens: false, sparsityCoefficient: 0 } as const;
const cases: [string, 'relu' | 'topk', TracInSettings, string, string[]][] = [
  ['W_dec, ReLU', 'relu', { ...raw, parameters: 'decoder' }, 'reconstruction', ['W_dec']],
  ['W_dec, TopK', 'topk', { ...raw, parameters: 'decoder' }, 'reconstruction', ['W_dec']],
  [
    'all parameters, ReLU',
    'relu',
    { ...raw, parameters: 'all' },
    'reconstruction',
    ['W_dec', 'W_enc', 'b_enc', 'b_dec'],
  ],
  [
    'all parameters, TopK',
    'topk',
    { ...raw, parameters: 'all' },
    'reconstruction',
    ['W_dec', 'W_enc', 'b_enc', 'b_dec'],
  ],
  ['W_dec, ReLU + L1', 'relu', { ...raw, sparsityCoefficient: 0.05, parameters: 'decoder' }, 'with_l1', ['W_dec']],
  [
    'all parameters, ReLU + L1',
    'relu',
    { ...raw, sparsityCoefficient: 0.05, parameters: 'all' },
    'with_l1',
    ['W_dec', 'W_enc', 'b_enc', 'b_dec'],
  ],
];

describe('TracIn in closed form', () => {
  it.each(cases)(
    "equals the dot products of autograd's per-token gradients: %s",
    async (_, kind, settings, prefix, names) => {
      const { get, dictionary, seeds, candidates, seedFeatures, candidateFeatures } = await problem(kind);
      const gradient = new SeedGradient(dictionary, settings);
      gradient.add(get('seeds'), seedFeatures, 1);
      const scores = gradient.score(get('candidates'), candidateFeatures);
      expect(largestRelativeError(scores, summedDots(get, prefix, names, seeds, candidates))).toBeLessThan(1e-5);
      if (settings.parameters === 'decoder' && prefix === 'reconstruction')
        expect(largestRelativeError(scores, get('reconstruction.token_scores'))).toBeLessThan(1e-5);
    },
  );

  it.each([
    ['relu', 'all', 0.05],
    ['relu', 'decoder', 0.05],
    ['topk', 'all', 0],
    ['topk', 'decoder', 0],
  ] as const)(
    'gives cosines where tokens weigh the same: %s, %s, lambda %d',
    async (kind, parameters, sparsityCoefficient) => {
      const { get, dictionary, candidates, candidateFeatures } = await problem(kind);
      const settings = { sparsityCoefficient, unitTokens: true, parameters };
      for (let token = 0; token < candidates; token++) {
        const own = new SeedGradient(dictionary, settings);
        const activations = get('candidates').slice(token * D_IN, (token + 1) * D_IN);
        const { offsets, features, values } = candidateFeatures;
        const [first, last] = [offsets[token]!, offsets[token + 1]!];
        own.add(
          activations,
          {
            offsets: Uint32Array.of(0, last - first),
            features: features.slice(first, last),
            values: values.slice(first, last),
          },
          1,
        );
        const cosines = own.score(get('candidates'), candidateFeatures);
        expect(cosines[token]).toBeCloseTo(1, 6);
        expect(Math.max(...cosines.map(Math.abs))).toBeLessThanOrEqual(1 + 1e-6);
      }
    },
  );

  it('lets a seed count the same whatever its length, and a repeated seed count twice', async () => {
    const { get, dictionary, seedFeatures, candidateFeatures } = await problem('topk');
    const settings: TracInSettings = { ...raw, parameters: 'all' };
    const [once, twice] = [new SeedGradient(dictionary, settings), new SeedGradient(dictionary, settings)];
    once.add(get('seeds'), seedFeatures, 1);
    twice.add(get('seeds'), seedFeatures, 0.5);
    twice.add(get('seeds'), seedFeatures, 0.5);
    const scores = (gradient: SeedGradient): Float64Array => gradient.score(get('candidates'), candidateFeatures);
    expect(largestRelativeError(scores(twice), scores(once))).toBeLessThan(1e-12);
  });
});

describe('the gradient of other architectures', () => {
  const shape: EngineShape = {
    ...{ dIn: 1, dOut: 1, dSae: 1, applyDecoderBiasToInput: false, unitNormDecoder: false, skip: false },
    architecture: { kind: 'gated', variant: 'paper' },
  };
  const one = Float32Array.of(1);
  const parameters = { encoder: one, encoderBias: one, decoder: one, decoderBias: one };
  const settings = { sparsityCoefficient: 0, unitTokens: false, parameters: 'all' } as const;

  it('is refused by name where it is not that of relu or topk', () => {
    expect(() => new SeedGradient({ shape, parameters }, settings)).toThrow(/not there for a gated dictionary/);
    const transcoder: EngineShape = { ...shape, architecture: { kind: 'relu', penalty: 'plain' }, skip: true };
    expect(() => new SeedGradient({ shape: transcoder, parameters }, settings)).toThrow(/not there for transcoders/);
  });

  it('is topk’s where a jumprelu dictionary’s features are active', () => {
    const features = { offsets: Uint32Array.of(0, 1), features: Uint32Array.of(0), values: Float32Array.of(2) };
    const score = (architecture: EngineShape['architecture']): number => {
      const gradient = new SeedGradient({ shape: { ...shape, architecture }, parameters }, settings);
      gradient.add(Float32Array.of(5), features, 1);
      return gradient.score(Float32Array.of(4), features)[0]!;
    };
    const penalty = { kind: 'step' } as const;
    expect(score({ kind: 'jumprelu', penalty, bandwidth: 1, straightThroughToInput: false })).toBe(
      score({ kind: 'topk', k: 1, rescaledByDecoderNorm: false }),
    );
  });
});
