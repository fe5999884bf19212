import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import type { DictionaryParameters, Engine, EngineShape, StepSettings, TokenWeights } from './engine.ts';
import { engineAvailability, openEngine } from './engines.ts';
import { Random } from '../foundation/random.ts';
import { eighths, expectClose, largeProblem, RELU, SETTINGS } from '../../test/fixtures/train/problems.ts';
import {
  referenceFirstStep,
  referenceForward,
  referenceGradient,
  referenceParameters,
  type ReferenceParameters,
} from '../../test/fixtures/train/reference.ts';

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

function expectParameters(actual: DictionaryParameters, expected: ReferenceParameters, what: string): void {
  expectClose(actual.encoder, expected.encoder.flat(), `${what} W_enc`);
  expectClose(actual.encoderBias, expected.encoderBias, `${what} b_enc`);
  expectClose(actual.decoder, expected.decoder.flat(), `${what} W_dec`);
  expectClose(actual.decoderBias, expected.decoderBias, `${what} b_dec`);
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
