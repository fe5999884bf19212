import { describe, expect, it } from 'vitest';
import type { TrainingState } from '../compute/engine.ts';
import { Random } from '../foundation/random.ts';
import { TrainRequest } from '../protocol/requests.ts';
import { History } from './history.ts';
import { geometricMedian } from './initialise.ts';
import { resampleDead } from './resample.ts';
import { learningRateAt, planTraining, sparsityCoefficientAt } from './training-plan.ts';

const planOf = (changes: Record<string, unknown>): ReturnType<typeof planTraining> =>
  planTraining(
    TrainRequest.parse({
      data: { kind: 'activations', file: 'x' },
      ...{ architecture: { kind: 'relu', l1: 2 }, dSae: 2 ** 14, batch: 10, tokens: 10_000, output: 'o' },
      ...changes,
    }),
    { dIn: 64 },
    5000,
  );

describe('a plan', () => {
  it('warms up, holds, and falls to nearly zero; the penalty warms up and stays', () => {
    const plan = planOf({ optimizer: { learningRate: 1, warmupSteps: 4 } });
    const rates = Array.from({ length: plan.steps }, (_, step) => learningRateAt(plan, step));
    expect(rates.slice(0, 5)).toEqual([0.25, 0.5, 0.75, 1, 1]);
    expect(rates[799]).toBe(1);
    expect(rates.at(-1)).toBeGreaterThan(0);
    expect(rates.at(-1)).toBeLessThan(0.01);
    expect(sparsityCoefficientAt(plan, 0)).toBe(2 / 50);
    expect(sparsityCoefficientAt(plan, 500)).toBe(2);
  });

  it('has the defaults of the field', () => {
    expect(planOf({}).learningRate).toBe(3e-4);
    const topk = planOf({ architecture: { kind: 'topk', k: 8 } });
    expect(topk.learningRate).toBe(2e-4);
    expect(topk.auxiliary).toEqual({ k: 32, coefficient: 1 / 32, deadAfterTokens: 500, form: 'normalised' });
    expect(planOf({ tokens: null }).steps).toBe(1000);
    expect(planOf({ architecture: { kind: 'topk', k: 4 }, dSae: 16 }).auxiliary).toMatchObject({ k: 16 });
  });
});

describe('the penalty of a relu or gated dictionary', () => {
  it.each([{ kind: 'relu' }, { kind: 'gated' }])('grows with the root of the width, %j', (architecture) => {
    const plan = planOf({ architecture });
    expect(plan.sparsity).toEqual({ kind: 'token', coefficient: 1.25 });
    expect(plan.architecture).toMatchObject({ l1: 1.25 });
    expect(planOf({ architecture: { ...architecture, l1: 5 } }).sparsity).toMatchObject({ coefficient: 5 });
  });

  it('is by the width of what a transcoder reconstructs', () => {
    const request = TrainRequest.parse({
      ...{ data: { kind: 'activations', file: 'x' }, architecture: { kind: 'transcoder', features: { kind: 'relu' } } },
      ...{ dSae: 32, output: 'o' },
    });
    const plan = planTraining(request, { dIn: 64, targets: { dIn: 256 } }, 5000);
    expect(plan.sparsity).toEqual({ kind: 'token', coefficient: 2.5 });
    expect(plan.architecture).toMatchObject({ features: { l1: 2.5 } });
  });
});

describe('a history', () => {
  it('keeps evenly spaced points, the same however often it was stored', () => {
    const point = (step: number): Parameters<History['record']>[0] => ({
      ...{ step, loss: 1, effectiveSampleSize: 1, l0: 1, explainedVariance: 0, deadShare: null, learningRate: 1 },
    });
    const whole = new History();
    let stored = new History();
    for (let step = 1; step <= 9000; step++) {
      whole.record(point(step));
      stored.record(point(step));
      if (step % 777 === 0) stored = new History(stored.points);
    }
    expect(whole.points.length).toBeLessThanOrEqual(2000);
    expect(whole.points.slice(0, 3).map(({ step }) => step)).toEqual([1, 9, 17]);
    expect(stored.points).toEqual(whole.points);
  });
});

describe('the geometric median', () => {
  it('is not moved by a far outlier', () => {
    const rows = Float32Array.from([0, 0, 1, 0, 0, 1, 1, 1, 1e4, 1e4]);
    const [x, y] = geometricMedian(rows, 2);
    expect(x).toBeLessThan(1.01);
    expect(y).toBeLessThan(1.01);
  });
});

describe('resampling', () => {
  const parameters = (fill: number): TrainingState['parameters'] => ({
    encoder: new Float32Array(6).fill(fill),
    encoderBias: new Float32Array(3).fill(fill),
    decoder: Float32Array.from([3, 4, 3, 4, 3, 4]),
    decoderBias: new Float32Array(2),
  });
  const stateOf = (silent: readonly number[]): TrainingState => ({
    ...{ parameters: parameters(1), firstMoment: parameters(2), secondMoment: parameters(3), steps: 5 },
    tokensSinceFired: Float64Array.from(silent),
  });
  const shape = {
    ...{ dIn: 2, dOut: 2, dSae: 3, applyDecoderBiasToInput: true, unitNormDecoder: false, skip: false },
    architecture: { kind: 'relu', penalty: 'plain' },
  } as const;
  const batch = Float32Array.from([0, 2, 5, 0]);

  it('turns a dead feature towards the input with the loss and clears its moments', () => {
    const state = stateOf([0, 100, 0]);
    expect(resampleDead(shape, state, 50, batch, Float64Array.from([1, 0]), new Random(1))).toBe(1);
    expect([...state.parameters.decoder]).toEqual([3, 4, 0, 5, 3, 4]);
    expect([...state.parameters.encoder]).toEqual([1, 1, 0, Math.fround(0.2 * Math.SQRT2), 1, 1]);
    expect([...state.parameters.encoderBias]).toEqual([1, 0, 1]);
    expect([...state.firstMoment.encoder]).toEqual([2, 2, 0, 0, 2, 2]);
    expect([...state.secondMoment.decoder]).toEqual([3, 4, 0, 0, 3, 4]);
    expect([...state.tokensSinceFired]).toEqual([0, 0, 0]);
  });

  it('opens the gate of a gated dictionary’s feature as its magnitude', () => {
    const gated = { ...shape, architecture: { kind: 'gated', variant: 'paper' } } as const;
    const extras = (fill: number): Pick<TrainingState['parameters'], 'magnitudeScale' | 'magnitudeBias'> => ({
      ...{ magnitudeScale: new Float32Array(3).fill(fill), magnitudeBias: new Float32Array(3).fill(fill) },
    });
    const plain = stateOf([0, 100, 0]);
    const state = {
      ...plain,
      parameters: { ...plain.parameters, ...extras(1) },
      firstMoment: { ...plain.firstMoment, ...extras(2) },
      secondMoment: { ...plain.secondMoment, ...extras(3) },
    };
    resampleDead(gated, state, 50, batch, Float64Array.from([1, 0]), new Random(1));
    for (const [array, fill] of [[state.parameters, 1] as const, [state.secondMoment, 3] as const]) {
      expect([...array.magnitudeScale!]).toEqual([fill, 0, fill]);
      expect([...array.magnitudeBias!]).toEqual([fill, 0, fill]);
    }
  });

  it('changes nothing where all features live', () => {
    const state = stateOf([0, 49, 0]);
    expect(resampleDead(shape, state, 50, batch, Float64Array.from([1, 1]), new Random(1))).toBe(0);
    expect(state).toEqual(stateOf([0, 49, 0]));
  });
});
