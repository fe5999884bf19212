import { describe, expect, it } from 'vitest';
import type { EngineArchitecture, EngineShape, ForwardSettings, ParameterName } from '../../server/compute/engine.ts';
import { Random } from '../../server/foundation/random.ts';
import { auxK, gateLoss, type DeadLatents } from './auxiliary.ts';
import { errorsOf, forwardPass, type Pass } from './forward.ts';
import { lossGradient, lossOf } from './gradient.ts';
import { namesOf, zeroParameters, type ReferenceParameters } from './parameters.ts';

/** Central differences over ±STEP are exact to about STEP². */
const STEP = 1e-5;
const TOKENS = 5;

const SHAPE = { dIn: 4, dOut: 4, dSae: 9, applyDecoderBiasToInput: true, unitNormDecoder: false, skip: false };
const TRANSCODER = { ...SHAPE, dOut: 3, applyDecoderBiasToInput: false, skip: true };
const JUMPRELU = { kind: 'jumprelu', bandwidth: 0.4, straightThroughToInput: false } as const;
const TANH = { ...JUMPRELU, penalty: { kind: 'tanh', scale: 1.5 } } as const;

interface Setting {
  readonly shape: EngineShape;
  readonly parameters: ReferenceParameters;
  readonly batch: Float64Array;
  readonly forward: ForwardSettings;
  readonly weights: { readonly reconstruction: Float64Array; readonly sparsity: Float64Array };
}

function settingOf(shape: EngineShape): Setting {
  const random = new Random(11);
  const normals = (length: number): Float64Array => Float64Array.from({ length }, () => random.normal());
  const parameters = zeroParameters(shape);
  for (const name of namesOf(shape)) parameters[name]!.set(normals(parameters[name]!.length));
  parameters.threshold?.forEach((value, j) => (parameters.threshold![j] = Math.abs(value) / 2));
  const targets = shape.skip ? Float32Array.from(normals(TOKENS * shape.dOut)) : null;
  const widths = shape.architecture.kind === 'matryoshka' ? { widths: [2, 5, 9] } : {};
  return {
    ...{ shape, parameters, batch: normals(TOKENS * shape.dIn) },
    forward: { sparsityCoefficient: 0.3, targets, ...widths },
    weights: {
      reconstruction: normals(TOKENS).map((value) => value * value),
      sparsity: normals(TOKENS).map((value) => value * value),
    },
  };
}

const passOf = ({ shape, parameters, batch, forward }: Setting): Pass => forwardPass(shape, parameters, batch, forward);

/** Compares a gradient with differences of `loss` as each parameter moves up and down. */
function expectGradient(
  setting: Setting,
  names: readonly ParameterName[],
  loss: (pass: Pass) => number,
  gradient: ReferenceParameters,
): void {
  for (const name of names) {
    const values = setting.parameters[name]!;
    values.forEach((value, at) => {
      const lossAt = (moved: number): number => {
        values[at] = moved;
        return loss(passOf(setting));
      };
      const slope = (lossAt(value + STEP) - lossAt(value - STEP)) / (2 * STEP);
      values[at] = value;
      const allowed = 1e-6 * Math.max(1, Math.abs(slope));
      expect(Math.abs(gradient[name]![at]! - slope), `${name}[${at}]: slope ${slope}`).toBeLessThan(allowed);
    });
    expect(
      gradient[name]!.some((value) => value !== 0),
      `${name} has a gradient`,
    ).toBe(true);
  }
}

interface Subject {
  readonly title: string;
  readonly shape: EngineShape;
  /** Those whose gradient is the slope of the loss. */
  readonly names: readonly ParameterName[];
}

function subject(title: string, base: Omit<EngineShape, 'architecture'>, architecture: EngineArchitecture): Subject {
  const shape = { ...base, architecture };
  // A threshold's gradient is straight-through. All others are slopes while no token crosses it.
  return { title, shape, names: namesOf(shape).filter((name) => name !== 'threshold') };
}

const STRAIGHT = { ...SHAPE, applyDecoderBiasToInput: false };
const subjects: Subject[] = [
  subject('relu, penalty weighted by decoder norms', SHAPE, { kind: 'relu', penalty: 'decoder_norm_weighted' }),
  subject('relu, plain penalty', STRAIGHT, { kind: 'relu', penalty: 'plain' }),
  subject('topk', SHAPE, { kind: 'topk', k: 3, rescaledByDecoderNorm: false }),
  subject('topk, rescaled', SHAPE, { kind: 'topk', k: 3, rescaledByDecoderNorm: true }),
  subject('batchtopk, rescaled', SHAPE, { kind: 'batchtopk', k: 2, rescaledByDecoderNorm: true }),
  subject('matryoshka', SHAPE, { kind: 'matryoshka', k: 3, rescaledByDecoderNorm: false }),
  subject('matryoshka, rescaled', SHAPE, { kind: 'matryoshka', k: 3, rescaledByDecoderNorm: true }),
  subject('skip transcoder, topk', TRANSCODER, { kind: 'topk', k: 3, rescaledByDecoderNorm: false }),
  subject('skip transcoder, matryoshka', TRANSCODER, { kind: 'matryoshka', k: 3, rescaledByDecoderNorm: false }),
  subject('gated', SHAPE, { kind: 'gated', variant: 'paper' }),
  subject('gated as SAELens', SHAPE, { kind: 'gated', variant: 'saelens' }),
  subject('jumprelu, tanh penalty', SHAPE, TANH),
  subject('jumprelu, step penalty', SHAPE, { ...JUMPRELU, penalty: { kind: 'step' } }),
];

describe('the gradient of the reference, by finite differences in float64', () => {
  it.each(subjects)('is that of its loss: $title', ({ shape, names }) => {
    const setting = settingOf(shape);
    const gradient = lossGradient(passOf(setting), setting.weights);
    expectGradient(setting, names, (pass) => lossOf(pass, setting.weights), gradient);
  });

  it.each(['normalised', 'plain', 'saelens'] as const)('is that of AuxK while the residual is held: %s', (form) => {
    const setting = settingOf({ ...SHAPE, architecture: { kind: 'topk', k: 2, rescaledByDecoderNorm: true } });
    const latents: DeadLatents = {
      dead: [0, 2, 3, 6, 8],
      settings: { k: 3, coefficient: 0.7, deadAfterTokens: 1, form },
      errors: errorsOf(passOf(setting)),
    };
    const gradient = zeroParameters(setting.shape);
    auxK(passOf(setting), latents, gradient);
    expectGradient(setting, namesOf(setting.shape), (pass) => auxK(pass, latents, null), gradient);
  });

  it("is that of SAELens' auxiliary loss of a gated dictionary in all it reaches", () => {
    const setting = settingOf({ ...TRANSCODER, architecture: { kind: 'gated', variant: 'saelens' } });
    const gradient = zeroParameters(setting.shape);
    gateLoss(passOf(setting), gradient);
    const names: ParameterName[] = ['encoder', 'encoderBias', 'decoder', 'decoderBias', 'skip'];
    expectGradient(setting, names, (pass) => gateLoss(pass, null), gradient);
  });

  it("is that of the paper's auxiliary loss of a gated dictionary in its gate, and leaves the decoder alone", () => {
    const setting = settingOf({
      ...SHAPE,
      ...{ applyDecoderBiasToInput: false, architecture: { kind: 'gated', variant: 'paper' } },
    });
    const gradient = zeroParameters(setting.shape);
    gateLoss(passOf(setting), gradient);
    expectGradient(setting, ['encoder', 'encoderBias'], (pass) => gateLoss(pass, null), gradient);
    expect(gradient.decoder.every((value) => value === 0)).toBe(true);
    expect(gradient.decoderBias.every((value) => value === 0)).toBe(true);
  });
});
