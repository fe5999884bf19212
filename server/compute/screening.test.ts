import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import type { DictionaryParameters, Engine, EngineArchitecture, EngineShape } from './engine.ts';
import { openEngine } from './engines.ts';
import { Random } from '../foundation/random.ts';
import { availableEngines, PROBLEM_SEED } from '../../test/reference/engines-under-test.ts';

type Numbers = Float32Array;

interface Problem {
  readonly shape: EngineShape;
  readonly parameters: DictionaryParameters;
  readonly tokens: Numbers;
}

/** Dictionaries and tokens that products of 8 bits would decide wrongly. */
const FAMILIES = {
  plain: 'nothing special',
  'near ties':
    'every tenth encoder row is nearly the same, closer than bfloat16 tells apart, and the tokens lie along it',
  'nothing but near ties': 'so do all of them',
  cancellation: 'tokens far from zero, encoder rows that sum to zero',
  'uneven norms': 'encoder rows and tokens of very different lengths',
  'large biases': 'biases that hide the products',
} as const;
type Family = keyof typeof FAMILIES;

interface Choices {
  readonly family: Family;
  readonly dIn: number;
  readonly dSae: number;
  readonly tokens: number;
  readonly k: 'one' | 'few' | 'all';
  readonly scale: number;
  readonly seed: number;
}

const choices: fc.Arbitrary<Choices> = fc.record({
  family: fc.constantFrom(...(Object.keys(FAMILIES) as Family[])),
  dIn: fc.constantFrom(1, 5, 33, 64, 201),
  dSae: fc.constantFrom(1, 31, 65, 700, 1100),
  tokens: fc.constantFrom(1, 13, 100),
  k: fc.constantFrom('one', 'few', 'all'),
  scale: fc.oneof(
    { weight: 5, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.constantFrom(1e-30, 1e-19, 1e19, 1e30) },
  ),
  seed: fc.integer(),
});

function encoderOf(family: Family, dSae: number, shared: Numbers, random: Random): Numbers {
  const dIn = shared.length;
  const encoder = Float32Array.from({ length: dSae * dIn }, () => random.normal());
  for (let j = 0; j < dSae; j++) {
    const row = encoder.subarray(j * dIn, (j + 1) * dIn);
    if (family === 'nothing but near ties' || (family === 'near ties' && j % 10 === 0))
      row.forEach((value, i) => (row[i] = shared[i]! * (1 + 1e-3 * value)));
    if (family === 'uneven norms') row.forEach((value, i) => (row[i] = value * 10 ** ((j % 7) - 3)));
    if (family === 'cancellation') {
      const mean = row.reduce((total, value) => total + value, 0) / dIn;
      row.forEach((value, i) => (row[i] = value - mean));
    }
  }
  return encoder;
}

function problemOf(drawn: Choices, makeArchitecture: (k: number) => EngineArchitecture): Problem {
  const { family, dIn, dSae, scale } = drawn;
  const random = new Random(drawn.seed);
  const normals = (length: number, width: number): Numbers =>
    Float32Array.from({ length }, () => random.normal() * width);
  const architecture = makeArchitecture(drawn.k === 'one' ? 1 : drawn.k === 'all' ? dSae : Math.ceil(dSae / 50));
  // Rows with one power of two: their lengths are exact, and so are products with them.
  const decoder = new Float32Array(dSae * dIn);
  for (let j = 0; j < dSae; j++) decoder[j * dIn + random.below(dIn)] = 2 ** (random.below(5) - 2);
  const shared = normals(dIn, 1);
  const offsetOf = (i: number): number =>
    family === 'cancellation' ? 100 : family.endsWith('near ties') ? shared[i]! : 0;
  const tokens = normals(drawn.tokens * dIn, 1).map((value, at) => {
    const length = family === 'uneven norms' ? 10 ** ((Math.floor(at / dIn) % 5) - 2) : 1;
    return (value + offsetOf(at % dIn)) * length * scale;
  });
  const encoder = encoderOf(family, dSae, shared, random);
  const encoderBias = normals(dSae, scale * (family === 'large biases' ? 1e3 : 0.1));
  // As near to what the first token gives as bfloat16 tells apart.
  const threshold = encoderBias.map((bias, j) => {
    const products = tokens.subarray(0, dIn).map((value, i) => value * encoder[j * dIn + i]!);
    return Math.abs(products.reduce((total, product) => total + product, bias)) * (1 + 1e-3 * random.normal());
  });
  return {
    shape: { dIn, dOut: dIn, dSae, skip: false, applyDecoderBiasToInput: false, unitNormDecoder: false, architecture },
    parameters: {
      encoder,
      encoderBias,
      decoder,
      decoderBias: new Float32Array(dIn),
      ...(architecture.kind === 'jumprelu' ? { threshold } : {}),
    },
    tokens,
  };
}

/** Pre-activations in float64 and how far float32's may lie from them, whatever the order of its sums; [tokens · d_sae]. */
function preActivations({ shape, parameters, tokens }: Problem): { values: Float64Array; errors: Float64Array } {
  const { dIn, dSae, architecture } = shape;
  const rows = tokens.length / dIn;
  const [values, errors] = [new Float64Array(rows * dSae), new Float64Array(rows * dSae)];
  const rescaled = 'rescaledByDecoderNorm' in architecture && architecture.rescaledByDecoderNorm;
  for (let j = 0; j < dSae; j++) {
    const length = rescaled ? Math.hypot(...parameters.decoder.subarray(j * dIn, (j + 1) * dIn)) : 1;
    for (let t = 0; t < rows; t++) {
      let [value, size] = [parameters.encoderBias[j]!, Math.abs(parameters.encoderBias[j]!)];
      for (let i = 0; i < dIn; i++) {
        const product = tokens[t * dIn + i]! * parameters.encoder[j * dIn + i]!;
        value += product;
        size += Math.abs(product);
      }
      values[t * dSae + j] = length * value;
      errors[t * dSae + j] = length * ((dIn + 4) * (2 ** -24 * size + 2 ** -125));
    }
  }
  return { values, errors };
}

/** Indices that any float32 arithmetic has among the `k` largest above their limits, and those that it may have. */
function decided(
  values: Float64Array,
  errors: Float64Array,
  limits: Float64Array,
  k: number,
): { sure: number[]; possible: Set<number> } {
  const lower = values.map((value, at) => value - errors[at]!);
  const upper = values.map((value, at) => value + errors[at]!);
  const next = upper.length > k ? upper.slice().sort()[upper.length - 1 - k]! : -Infinity;
  const last = lower.length > k ? lower.slice().sort()[lower.length - k]! : -Infinity;
  const indices = [...values.keys()];
  return {
    sure: indices.filter((at) => lower[at]! > limits[at]! && lower[at]! > next),
    possible: new Set(indices.filter((at) => upper[at]! >= limits[at]! && upper[at]! >= last)),
  };
}

/** @returns the decisions that float32 could not have taken otherwise */
async function expectDecided(engine: Engine, problem: Problem): Promise<number> {
  const { shape, parameters, tokens } = problem;
  const { dIn, dSae, architecture } = shape;
  await using dictionary = await engine.dictionary(shape, parameters);
  const { offsets, features, values } = await dictionary.encode(tokens);
  const rows = tokens.length / dIn;
  const found = new Map<number, number>();
  for (let t = 0; t < rows; t++)
    for (let at = offsets[t]!; at < offsets[t + 1]!; at++) found.set(t * dSae + features[at]!, values[at]!);
  const exact = preActivations(problem);
  const ofBatch = architecture.kind === 'batchtopk';
  const [groups, size] = ofBatch ? [1, rows * dSae] : [rows, dSae];
  const k = 'k' in architecture ? architecture.k * (ofBatch ? rows : 1) : dSae;
  let count = 0;
  for (let group = 0; group < groups; group++) {
    const part = (array: Float64Array): Float64Array => array.subarray(group * size, (group + 1) * size);
    const limits = new Float64Array(size).map((_, at) => parameters.threshold?.[at % dSae] ?? 0);
    const { sure, possible } = decided(part(exact.values), part(exact.errors), limits, k);
    const chosen = [...found.keys()].filter((at) => Math.floor(at / size) === group).map((at) => at - group * size);
    const missing = sure.filter((at) => !found.has(at + group * size));
    expect(missing, 'features that are missing').toEqual([]);
    expect(
      chosen.filter((at) => !possible.has(at)),
      'features that should not be there',
    ).toEqual([]);
    expect(chosen.length).toBeLessThanOrEqual(k);
    count += sure.length;
  }
  for (const [at, value] of found) expect(Math.abs(value - exact.values[at]!)).toBeLessThanOrEqual(exact.errors[at]!);
  return count;
}

const SELECTIONS: Readonly<Record<string, (k: number) => EngineArchitecture>> = {
  topk: (k) => ({ kind: 'topk', k, rescaledByDecoderNorm: false }),
  'topk, rescaled': (k) => ({ kind: 'topk', k, rescaledByDecoderNorm: true }),
  batchtopk: (k) => ({ kind: 'batchtopk', k, rescaledByDecoderNorm: false }),
  relu: () => ({ kind: 'relu', penalty: 'plain' }),
  jumprelu: () => ({ kind: 'jumprelu', penalty: { kind: 'step' }, bandwidth: 0.5, straightThroughToInput: false }),
};

const engines = (await availableEngines()).filter(({ name }) => name === 'cpu' || name === 'wasm');

describe.each(engines)('the $name engine', ({ name, open }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  it.each(Object.entries(SELECTIONS))(
    'selects what float64 arithmetic does wherever float32 has to, on data that fewer bits would decide wrongly: %s',
    async (_, makeArchitecture) => {
      let count = 0;
      await fc.assert(
        fc.asyncProperty(choices, async (drawn) => {
          count += await expectDecided(engine, problemOf(drawn, makeArchitecture));
        }),
        { numRuns: 30, seed: PROBLEM_SEED },
      );
      expect(count).toBeGreaterThan(1000);
    },
  );

  it.each(['topk', 'topk, rescaled', 'relu'])(
    'gives a token the same bits alone and beside tokens that tie in every feature: %s',
    async (title) => {
      const drawn: Choices = { family: 'plain', dIn: 53, dSae: 2000, tokens: 1, k: 'few', scale: 1, seed: 3 };
      const { shape, parameters, tokens } = problemOf(drawn, SELECTIONS[title]!);
      const rare = { ...parameters, encoderBias: new Float32Array(2000).fill(title === 'relu' ? -13 : 0.5) };
      const ties = title === 'relu' ? tokens.map((value) => 1000 * value) : new Float32Array(53);
      const crowd = new Float32Array(53 * 40);
      crowd.set(tokens);
      for (let t = 1; t < 40; t++) crowd.set(ties, t * 53);
      await using dictionary = await engine.dictionary(shape, rare);
      const alone = await dictionary.encode(tokens);
      const beside = await dictionary.encode(crowd);
      const count = alone.offsets[1]!;
      expect(count).toBeGreaterThan(30);
      expect([...beside.features.subarray(0, beside.offsets[1])]).toEqual([...alone.features]);
      expect([...beside.values.subarray(0, beside.offsets[1])]).toEqual([...alone.values]);
      expect(beside.offsets[2]! - beside.offsets[1]!).toBeGreaterThanOrEqual(count);
    },
  );

  it('takes the lower feature of two that tie exactly, where all of them do', async () => {
    const drawn: Choices = { family: 'near ties', dIn: 33, dSae: 700, tokens: 5, k: 'few', scale: 1, seed: 4 };
    const { shape, parameters, tokens } = problemOf(drawn, SELECTIONS['topk']!);
    const row = parameters.encoder.slice(0, 33);
    for (let j = 0; j < 700; j++) parameters.encoder.set(row, j * 33);
    await using dictionary = await engine.dictionary(shape, {
      ...parameters,
      encoderBias: new Float32Array(700).fill(50),
    });
    const { offsets, features } = await dictionary.encode(tokens);
    for (let t = 0; t < 5; t++)
      expect([...features.subarray(offsets[t], offsets[t + 1])]).toEqual(Array.from({ length: 14 }, (__, j) => j));
  });

  it('trains with the same bits on one, two and five threads where some blocks have too many candidates', async () => {
    const drawn: Choices = { family: 'plain', dIn: 53, dSae: 2000, tokens: 400, k: 'few', scale: 1, seed: 6 };
    const { shape, parameters, tokens } = problemOf(drawn, SELECTIONS['topk']!);
    const crowded = tokens.map((value, at) => (Math.floor(at / (53 * 96)) % 2 === 0 ? value : 0));
    const rows = [];
    for (const threads of [1, 2, 5]) {
      await using other = await openEngine(name as 'cpu' | 'wasm', { threads });
      await using trainer = await other.trainer(shape, {
        ...parameters,
        encoderBias: new Float32Array(2000).fill(0.5),
      });
      await trainer.forward(crowded, { sparsityCoefficient: 0 });
      const even = new Float64Array(400).fill(1 / 400);
      const settings = {
        learningRate: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        maxGradientNorm: null,
        auxiliary: null,
      };
      await trainer.backward({ reconstruction: even, sparsity: even }, settings);
      await trainer.forward(crowded, { sparsityCoefficient: 0 });
      rows.push(await trainer.encode(crowded));
    }
    expect(rows[1]).toEqual(rows[0]);
    expect(rows[2]).toEqual(rows[0]);
  });
});
