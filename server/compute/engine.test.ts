import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import type { DictionaryParameters, Engine, EngineShape, StepSettings, TokenWeights } from './engine.ts';
import { engineAvailability, openEngine } from './engines.ts';
import { sha256 } from '../foundation/hash.ts';
import { Random } from '../foundation/random.ts';
import {
  referenceFirstStep,
  referenceForward,
  referenceGradient,
  referenceParameters,
  type ReferenceParameters,
} from '../../test/fixtures/train/reference.ts';

const SETTINGS: StepSettings = {
  ...{ learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-4, maxGradientNorm: null, auxiliary: null },
};

/** Multiples of 1/8: sums are exact in float32, so that selections and their ties are the same in float64. */
function eighths(random: Random, length: number, range: number): Float32Array {
  return Float32Array.from({ length }, () => (random.below(2 * range + 1) - range) / 8);
}

interface Problem {
  readonly shape: EngineShape;
  readonly parameters: DictionaryParameters;
  readonly batch: Float32Array;
  readonly lambda: number;
  readonly weights: TokenWeights;
  readonly settings: StepSettings;
  readonly tokensSinceFired: Float64Array;
}

const problems: fc.Arbitrary<Problem> = fc
  .record({
    dIn: fc.integer({ min: 1, max: 37 }),
    dSae: fc.integer({ min: 1, max: 90 }),
    tokens: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 210 })),
    kShare: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
    kind: fc.constantFrom('topk', 'plain', 'decoder_norm_weighted'),
    applyDecoderBiasToInput: fc.boolean(),
    unitNormDecoder: fc.boolean(),
    clips: fc.boolean(),
    auxiliary: fc.boolean(),
    normalised: fc.boolean(),
    seed: fc.integer(),
  })
  .map(({ dIn, dSae, tokens, kShare, kind, clips, auxiliary, normalised, seed, ...flags }) => {
    const random = new Random(seed);
    const weights = Float64Array.from({ length: tokens }, () => random.uniform() / tokens);
    return {
      shape: {
        ...{ dIn, dSae, ...flags },
        architecture:
          kind === 'topk'
            ? { kind: 'topk', k: Math.max(1, Math.round(kShare * dSae)) }
            : { kind: 'relu', penalty: kind === 'plain' ? 'plain' : 'decoder_norm_weighted' },
      },
      parameters: {
        encoder: eighths(random, dSae * dIn, 4),
        encoderBias: eighths(random, dSae, 8),
        decoder: eighths(random, dSae * dIn, 4),
        decoderBias: eighths(random, dIn, 4),
      },
      batch: eighths(random, tokens * dIn, 8),
      lambda: kind === 'topk' ? 0 : 0.25,
      weights: { reconstruction: weights, sparsity: weights.map((weight) => weight / 2) },
      settings: {
        ...SETTINGS,
        maxGradientNorm: clips ? 0.5 : null,
        auxiliary: auxiliary
          ? { ...{ k: Math.min(7, dSae), coefficient: 0.5, deadAfterTokens: 300 }, normalised }
          : null,
      },
      tokensSinceFired: Float64Array.from({ length: dSae }, () => random.below(400)),
    };
  });

function expectClose(actual: ArrayLike<number>, expected: readonly number[], what: string): void {
  const scale = Math.max(1e-3, ...expected.map(Math.abs));
  expect(actual.length, what).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    if (!(Math.abs(actual[i]! - expected[i]!) <= 2e-5 * scale))
      expect.fail(`${what}[${i}] is ${actual[i]}, expected ${expected[i]} (largest ${scale})`);
}

function expectParameters(actual: DictionaryParameters, expected: ReferenceParameters, what: string): void {
  expectClose(actual.encoder, expected.encoder.flat(), `${what} W_enc`);
  expectClose(actual.encoderBias, expected.encoderBias, `${what} b_enc`);
  expectClose(actual.decoder, expected.decoder.flat(), `${what} W_dec`);
  expectClose(actual.decoderBias, expected.decoderBias, `${what} b_dec`);
}

/** A training problem that is not tiny: several blocks of tokens, several slices of features. */
function largeProblem(
  dIn: number,
  dSae: number,
  tokens: number,
): { parameters: DictionaryParameters; batch: Float32Array; weights: TokenWeights } {
  const random = new Random(5);
  const normals = (length: number, scale: number): Float32Array =>
    Float32Array.from({ length }, () => random.normal() * scale);
  const encoder = normals(dSae * dIn, dIn ** -0.5);
  const even = new Float64Array(tokens).fill(1 / tokens);
  return {
    parameters: { encoder, encoderBias: normals(dSae, 0.1), decoder: encoder.slice(), decoderBias: normals(dIn, 0.1) },
    batch: normals(tokens * dIn, 1),
    weights: { reconstruction: even, sparsity: even },
  };
}

const TOPK: EngineShape = {
  ...{ dIn: 53, dSae: 1500, applyDecoderBiasToInput: true, unitNormDecoder: true },
  architecture: { kind: 'topk', k: 9 },
};
const RELU: EngineShape = {
  ...TOPK,
  unitNormDecoder: false,
  architecture: { kind: 'relu', penalty: 'decoder_norm_weighted' },
};
const FULL_SETTINGS: StepSettings = {
  ...SETTINGS,
  maxGradientNorm: 0.5,
  auxiliary: { k: 20, coefficient: 0.03, deadAfterTokens: 400, normalised: true },
};

async function train(
  engine: Engine,
  shape: EngineShape,
  steps: number,
): Promise<{ state: unknown; losses: Float64Array[] }> {
  const { parameters, batch, weights } = largeProblem(shape.dIn, shape.dSae, 301);
  await using trainer = await engine.trainer(shape, parameters);
  const losses: Float64Array[] = [];
  for (let step = 0; step < steps; step++) {
    losses.push((await trainer.forward(batch, 0.01)).reconstruction);
    await trainer.backward(weights, FULL_SETTINGS);
  }
  return { state: await trainer.state(), losses };
}

/** SHA-256 over the bits of everything in a result. */
function hashOf(result: object): string {
  const bits = (value: unknown): string =>
    ArrayBuffer.isView(value)
      ? sha256(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
      : typeof value === 'object' && value !== null
        ? Object.entries(value)
            .map(([key, inner]) => `${key} ${bits(inner)}`)
            .join()
        : String(value);
  return sha256(bits(result));
}

const available = (await engineAvailability()).filter((engine) => engine.available);

describe.each(available)('the $name engine', ({ name }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine(name, { threads: 2 });
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  it('agrees with the method in float64 on every shape, with ties, k = d_sae, one token, dead latents', async () => {
    await fc.assert(
      fc.asyncProperty(problems, async (problem) => {
        const { shape, parameters, batch, lambda, weights, settings, tokensSinceFired } = problem;
        await using trainer = await engine.trainer(shape, parameters);
        await trainer.restore({ ...(await trainer.state()), tokensSinceFired });
        const reference = referenceParameters(shape, parameters);
        const expected = referenceForward(shape, reference, batch, lambda);
        const forward = await trainer.forward(batch, lambda);
        expectClose(forward.reconstruction, expected.reconstruction, 'reconstruction loss');
        expectClose(forward.sparsity, expected.sparsity, 'sparsity loss');
        const since = [...tokensSinceFired];
        const gradient = referenceGradient(shape, reference, expected, lambda, weights, settings.auxiliary, since);
        expectParameters(await trainer.gradient(weights, settings), gradient, 'gradient of');
        const results = await trainer.backward(weights, settings);
        expectClose([results.auxiliaryLoss], [gradient.auxiliaryLoss], 'auxiliary loss');
        expect(results.dead).toBe(gradient.dead);
        const step = referenceFirstStep(shape, reference, gradient, settings);
        if (results.gradientNorm !== null) expectClose([results.gradientNorm], [step.gradientNorm], 'gradient norm');
        // Adam divides by |g| + ε: a gradient that cancels to rounding noise moves a parameter by up to the learning rate × |g|/ε.
        expectParameters((await trainer.state()).parameters, step.parameters, 'stepped');
      }),
      { numRuns: 60 },
    );
  });

  it('encodes to ascending features with ties broken towards the lower one, and decodes back to x̂', async () => {
    await fc.assert(
      fc.asyncProperty(problems, async ({ shape, parameters, batch }) => {
        await using dictionary = await engine.dictionary(shape, parameters);
        const rows = await dictionary.encode(batch);
        const expected = referenceForward(shape, referenceParameters(shape, parameters), batch, 0);
        const entries = expected.features.map((row) =>
          row.flatMap((value, j) => (value > 0 ? [[j, value] as const] : [])),
        );
        expect([...rows.features]).toEqual(entries.flat().map(([j]) => j));
        expectClose(
          rows.values,
          entries.flat().map(([, value]) => value),
          'features',
        );
        expect([...rows.offsets.slice(1)].map((end, token) => end - rows.offsets[token]!)).toEqual(
          entries.map((row) => row.length),
        );
        const output = expected.residuals.flatMap((row, token) => row.map((r, i) => r + batch[token * shape.dIn + i]!));
        expectClose(await dictionary.decode(rows), output, 'x̂');
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['top-k', TOPK],
    ['ReLU', RELU],
  ])('gives the same bits with one, two and five threads: %s', async (_, shape) => {
    const runs = [];
    for (const threads of [1, 2, 5]) {
      await using other = await openEngine(name, { threads });
      runs.push(hashOf(await train(other, shape, 3)));
    }
    expect(runs[1]).toBe(runs[0]);
    expect(runs[2]).toBe(runs[0]);
  });

  it.each([
    ['top-k', TOPK],
    ['ReLU', RELU],
  ])('goes on bit-identically from a stored state: %s', async (_, shape) => {
    const { parameters, batch, weights } = largeProblem(shape.dIn, shape.dSae, 150);
    await using first = await engine.trainer(shape, parameters);
    const step = async (trainer: typeof first): Promise<void> => {
      await trainer.forward(batch, 0.01);
      await trainer.backward(weights, FULL_SETTINGS);
    };
    await step(first);
    await step(first);
    await using second = await engine.trainer(shape, await first.state());
    await step(first);
    await step(second);
    expect(hashOf(await second.state())).toBe(hashOf(await first.state()));
  });

  it('leaves features alone that never had a gradient, and moves those on whose moments are not zero', async () => {
    const { parameters, batch, weights } = largeProblem(TOPK.dIn, TOPK.dSae, 4);
    await using trainer = await engine.trainer(TOPK, parameters);
    await trainer.forward(batch, 0);
    await trainer.backward(weights, SETTINGS);
    const before = await trainer.state();
    await trainer.forward(
      batch.map((value) => -value),
      0,
    );
    await trainer.backward(weights, SETTINGS);
    const after = await trainer.state();
    const row = (matrix: Float32Array, j: number): Float32Array => matrix.slice(j * TOPK.dIn, (j + 1) * TOPK.dIn);
    const silent = [...after.tokensSinceFired.keys()].filter((j) => after.tokensSinceFired[j] === 8);
    const resting = [...after.tokensSinceFired.keys()].filter((j) => after.tokensSinceFired[j] === 4);
    expect(silent.length).toBeGreaterThan(1000);
    for (const j of silent) expect(row(after.parameters.decoder, j)).toEqual(row(parameters.decoder, j));
    expect(resting.length).toBeGreaterThan(10);
    for (const j of resting) expect(row(after.parameters.encoder, j)).not.toEqual(row(before.parameters.encoder, j));
  });

  it('encodes more tokens than fit one call in the same way', async () => {
    const { parameters } = largeProblem(8, 40, 1);
    const batch = eighths(new Random(3), 9000 * 8, 8);
    await using dictionary = await engine.dictionary({ ...RELU, dIn: 8, dSae: 40 }, parameters);
    const whole = await dictionary.encode(batch);
    const part = await dictionary.encode(batch.slice(8500 * 8));
    expect(whole.features.slice(whole.offsets[8500])).toEqual(part.features);
    expect(whole.values.slice(whole.offsets[8500])).toEqual(part.values);
    expect((await dictionary.decode(whole)).slice(8500 * 8)).toEqual(await dictionary.decode(part));
    expect((await dictionary.encode(new Float32Array())).offsets).toEqual(new Uint32Array(1));
  });

  it('names the first activation row that is not finite, and works on afterwards', async () => {
    const { parameters, batch, weights } = largeProblem(TOPK.dIn, TOPK.dSae, 200);
    await using trainer = await engine.trainer(TOPK, parameters);
    const damaged = batch.slice();
    damaged[150 * TOPK.dIn + 52] = Infinity;
    damaged[137 * TOPK.dIn] = NaN;
    await expect(trainer.forward(damaged, 0)).rejects.toThrow('activation row 137 is not finite');
    await expect(trainer.encode(damaged)).rejects.toThrow('activation row 137 is not finite');
    await expect(trainer.backward(weights, SETTINGS)).rejects.toThrow('needs a forward pass');
    await trainer.forward(batch, 0);
    await trainer.backward(weights, SETTINGS);
  });

  it('refuses arguments that do not fit, naming them', async () => {
    const { parameters, batch, weights } = largeProblem(TOPK.dIn, TOPK.dSae, 3);
    await expect(engine.dictionary({ ...TOPK, dIn: 54 }, parameters)).rejects.toThrow('W_enc has 79500 values');
    const tooMany: EngineShape = { ...TOPK, architecture: { kind: 'topk', k: 1501 } };
    await expect(engine.dictionary(tooMany, parameters)).rejects.toThrow(
      'k is 1501; expected a whole number from 1 to 1500',
    );
    await using trainer = await engine.trainer(TOPK, parameters);
    await expect(trainer.forward(batch.slice(1), 0)).rejects.toThrow('not a multiple of d_in = 53');
    const rows = { offsets: Uint32Array.of(0, 1), features: Uint32Array.of(1500), values: Float32Array.of(1) };
    await expect(trainer.decode(rows)).rejects.toThrow('feature 1500 does not exist');
    await trainer.forward(batch, 0);
    await expect(trainer.backward(weights, { ...SETTINGS, epsilon: 0 })).rejects.toThrow('epsilon is 0');
    await trainer[Symbol.asyncDispose]();
    await expect(trainer.encode(batch)).rejects.toThrow('was disposed of');
  });

  it('serves several dictionaries at once', async () => {
    const { parameters, batch } = largeProblem(TOPK.dIn, TOPK.dSae, 64);
    const dictionaries = await Promise.all(
      [1, 2, 3].map((k) => engine.dictionary({ ...TOPK, architecture: { kind: 'topk', k } }, parameters)),
    );
    const rows = await Promise.all(dictionaries.map((dictionary) => dictionary.encode(batch)));
    expect(rows.map(({ features }) => features.length)).toEqual([64, 128, 192]);
    await Promise.all(dictionaries.map((dictionary) => dictionary[Symbol.asyncDispose]()));
  });
});

describe('the reference of these tests', () => {
  it('has the gradient of its own loss, by finite differences', () => {
    const shape: EngineShape = { ...RELU, dIn: 4, dSae: 7 };
    const { parameters, batch, weights } = largeProblem(4, 7, 5);
    const lossOf = (p: ReferenceParameters): number => {
      const { reconstruction, sparsity } = referenceForward(shape, p, batch, 0.3);
      return reconstruction.reduce((sum, loss, i) => sum + weights.reconstruction[i]! * (loss + sparsity[i]!), 0);
    };
    const reference = referenceParameters(shape, parameters);
    const forward = referenceForward(shape, reference, batch, 0.3);
    const gradient = referenceGradient(shape, reference, forward, 0.3, weights, null, []);
    const rowsOf = (p: ReferenceParameters): number[][] => [...p.encoder, p.encoderBias, ...p.decoder, p.decoderBias];
    const expected = rowsOf(gradient);
    rowsOf(reference).forEach((row, r) => {
      row.forEach((value, i) => {
        row[i] = value + 1e-6;
        const above = lossOf(reference);
        row[i] = value - 1e-6;
        const below = lossOf(reference);
        row[i] = value;
        expect((above - below) / 2e-6).toBeCloseTo(expected[r]![i]!, 6);
      });
    });
  });
});

describe('engines', () => {
  it('refuses a WebAssembly dictionary beyond 4 GiB before allocating, with the arithmetic', async () => {
    await using engine = await openEngine('wasm', { threads: 1 });
    const huge: EngineShape = { ...TOPK, dIn: 4096, dSae: 131072 };
    const absent = { length: 131072 * 4096 } as Float32Array;
    const start = {
      encoder: absent,
      encoderBias: new Float32Array(131072),
      decoder: absent,
      decoderBias: new Float32Array(4096),
    };
    await expect(engine.trainer(huge, start)).rejects.toThrow('131072 features × 4096 dimensions × 4 bytes × 7');
  });

  it.skipIf(available.length < 2)('agree with each other after three steps', async () => {
    await using cpu = await openEngine('cpu', { threads: 2 });
    await using wasm = await openEngine('wasm', { threads: 2 });
    const [left, right] = [await train(cpu, TOPK, 3), await train(wasm, TOPK, 3)];
    for (const [step, losses] of left.losses.entries())
      expectClose(losses, [...right.losses[step]!], `losses of step ${step}`);
  });

  it('refuses a number of threads that makes no sense', async () => {
    await expect(openEngine('wasm', { threads: 0 })).rejects.toThrow('threads is 0');
  });
});
