/**
 * The training step written as plainly as its formulas, dense and in float64: the second implementation that real engines and the
 * training loop are checked against. Parameters and moments are kept in float32 between steps, as the interface hands them over.
 */
import type {
  BackwardResult,
  DictionaryParameters,
  Engine,
  EngineShape,
  EngineTrainer,
  ForwardResult,
  SparseFeatures,
  StepSettings,
  TokenWeights,
  TrainingState,
} from '../server/compute/engine.ts';

const KEYS = ['encoder', 'encoderBias', 'decoder', 'decoderBias'] as const;

type Gradients = Record<(typeof KEYS)[number], Float64Array>;

const mapParameters = (
  parameters: DictionaryParameters,
  map: (values: Float32Array) => Float32Array,
): DictionaryParameters => ({
  encoder: map(parameters.encoder),
  encoderBias: map(parameters.encoderBias),
  decoder: map(parameters.decoder),
  decoderBias: map(parameters.decoderBias),
});
const copy = (parameters: DictionaryParameters): DictionaryParameters =>
  mapParameters(parameters, (values) => values.slice());
const zeros = (parameters: DictionaryParameters): DictionaryParameters =>
  mapParameters(parameters, (values) => new Float32Array(values.length));

interface Forward {
  readonly batch: Float32Array;
  readonly tokens: number;
  readonly lambda: number;
  /** [tokens, d_sae] */
  readonly pre: Float64Array;
  readonly features: Float64Array;
  /** [tokens, d_in] x̂ − x */
  readonly residual: Float64Array;
}

class ReferenceTrainer implements EngineTrainer {
  readonly shape: EngineShape;
  #parameters: DictionaryParameters;
  #first: DictionaryParameters;
  #second: DictionaryParameters;
  #steps: number;
  #silent: Float64Array;
  #forward: Forward | null = null;

  constructor(shape: EngineShape, start: DictionaryParameters | TrainingState) {
    this.shape = shape;
    const state = 'parameters' in start ? start : null;
    this.#parameters = copy(state?.parameters ?? (start as DictionaryParameters));
    this.#first = state === null ? zeros(this.#parameters) : copy(state.firstMoment);
    this.#second = state === null ? zeros(this.#parameters) : copy(state.secondMoment);
    this.#steps = state?.steps ?? 0;
    this.#silent = state?.tokensSinceFired.slice() ?? new Float64Array(shape.dSae);
  }

  #row(matrix: ArrayLike<number>, row: number): number[] {
    return Array.from({ length: this.shape.dIn }, (_, i) => matrix[row * this.shape.dIn + i]!);
  }

  #norm(feature: number): number {
    return Math.sqrt(this.#row(this.#parameters.decoder, feature).reduce((sum, value) => sum + value * value, 0));
  }

  /** z, [d_in] */
  #input(batch: Float32Array, token: number): number[] {
    const row = this.#row(batch, token);
    return this.shape.applyDecoderBiasToInput ? row.map((value, i) => value - this.#parameters.decoderBias[i]!) : row;
  }

  #pre(batch: Float32Array): Float64Array {
    const { dIn, dSae } = this.shape;
    const { encoder, encoderBias } = this.#parameters;
    const tokens = batch.length / dIn;
    const pre = new Float64Array(tokens * dSae);
    for (let token = 0; token < tokens; token++) {
      const z = this.#input(batch, token);
      for (let j = 0; j < dSae; j++) {
        let sum = encoderBias[j]!;
        for (let i = 0; i < dIn; i++) sum += z[i]! * encoder[j * dIn + i]!;
        pre[token * dSae + j] = sum;
      }
    }
    return pre;
  }

  #activate(pre: Float64Array): Float64Array {
    const { architecture, dSae } = this.shape;
    const features = pre.map((value) => Math.max(value, 0));
    if (architecture.kind === 'relu') return features;
    for (let at = 0; at < pre.length; at += dSae)
      for (const j of topOf(pre.subarray(at, at + dSae)).slice(architecture.k)) features[at + j] = 0;
    return features;
  }

  /** f W_dec + b_dec, [tokens, d_in] */
  #reconstruct(features: ArrayLike<number>): Float64Array {
    const { dIn, dSae } = this.shape;
    const { decoder, decoderBias } = this.#parameters;
    const tokens = features.length / dSae;
    const result = new Float64Array(tokens * dIn);
    for (let token = 0; token < tokens; token++) {
      result.set(decoderBias, token * dIn);
      for (let j = 0; j < dSae; j++) {
        const value = features[token * dSae + j]!;
        if (value !== 0) for (let i = 0; i < dIn; i++) result[token * dIn + i]! += value * decoder[j * dIn + i]!;
      }
    }
    return result;
  }

  encode(activations: Float32Array): Promise<SparseFeatures> {
    const { dSae } = this.shape;
    const dense = this.#activate(this.#pre(activations));
    const features: number[] = [];
    const offsets = [0];
    for (let at = 0; at < dense.length; at += dSae) {
      for (let j = 0; j < dSae; j++) if (dense[at + j] !== 0) features.push(at + j);
      offsets.push(features.length);
    }
    return Promise.resolve({
      offsets: Uint32Array.from(offsets),
      features: Uint32Array.from(features, (at) => at % dSae),
      values: Float32Array.from(features, (at) => dense[at]!),
    });
  }

  decode({ offsets, features, values }: SparseFeatures): Promise<Float32Array> {
    const { dSae } = this.shape;
    const dense = new Float64Array((offsets.length - 1) * dSae);
    for (let token = 0; token + 1 < offsets.length; token++)
      for (let at = offsets[token]!; at < offsets[token + 1]!; at++) dense[token * dSae + features[at]!] = values[at]!;
    return Promise.resolve(Float32Array.from(this.#reconstruct(dense)));
  }

  forward(batch: Float32Array, lambda: number): Promise<ForwardResult> {
    const { dIn, dSae, architecture } = this.shape;
    const tokens = batch.length / dIn;
    const pre = this.#pre(batch);
    const features = this.#activate(pre);
    const residual = this.#reconstruct(features).map((value, at) => value - batch[at]!);
    this.#forward = { batch: batch.slice(), tokens, lambda, pre, features, residual };
    const norms = Float64Array.from({ length: dSae }, (_, j) => this.#penaltyNorm(j));
    const sparsity = new Float64Array(tokens);
    const reconstruction = new Float64Array(tokens);
    residual.forEach((value, at) => (reconstruction[Math.floor(at / dIn)]! += value * value));
    if (architecture.kind === 'relu')
      features.forEach((value, at) => (sparsity[Math.floor(at / dSae)]! += lambda * value * norms[at % dSae]!));
    return Promise.resolve({ reconstruction, sparsity, active: features.reduce((n, f) => n + (f > 0 ? 1 : 0), 0) });
  }

  #penaltyNorm(feature: number): number {
    const { architecture } = this.shape;
    return architecture.kind === 'relu' && architecture.penalty === 'decoder_norm_weighted' ? this.#norm(feature) : 1;
  }

  #differentiate(weights: TokenWeights): Gradients {
    const { tokens, batch, lambda, features, residual } = this.#latest();
    const { dIn, dSae, architecture, applyDecoderBiasToInput } = this.shape;
    const { encoder, decoder } = this.#parameters;
    const penalised = architecture.kind === 'relu' ? lambda : 0;
    const weighted = architecture.kind === 'relu' && architecture.penalty === 'decoder_norm_weighted';
    const gradients: Gradients = {
      encoder: new Float64Array(dSae * dIn),
      encoderBias: new Float64Array(dSae),
      decoder: new Float64Array(dSae * dIn),
      decoderBias: new Float64Array(dIn),
    };
    for (let token = 0; token < tokens; token++) {
      const z = this.#input(batch, token);
      const error = this.#row(residual, token).map((value) => 2 * weights.reconstruction[token]! * value);
      error.forEach((value, i) => (gradients.decoderBias[i]! += value));
      for (let j = 0; j < dSae; j++) {
        const activation = features[token * dSae + j]!;
        if (activation <= 0) continue;
        const norm = this.#penaltyNorm(j);
        const pull = weights.sparsity[token]! * penalised;
        let delta = pull * norm;
        for (let i = 0; i < dIn; i++) {
          const direction = decoder[j * dIn + i]!;
          delta += error[i]! * direction;
          gradients.decoder[j * dIn + i]! +=
            activation * error[i]! + (weighted ? (pull * activation * direction) / norm : 0);
        }
        gradients.encoderBias[j]! += delta;
        for (let i = 0; i < dIn; i++) {
          gradients.encoder[j * dIn + i]! += delta * z[i]!;
          if (applyDecoderBiasToInput) gradients.decoderBias[i]! -= delta * encoder[j * dIn + i]!;
        }
      }
    }
    return gradients;
  }

  #latest(): Forward {
    if (this.#forward === null) throw new Error('backward without forward');
    return this.#forward;
  }

  /** Adds AuxK's gradient; e is a constant, z = relu(pre) of the dead features' largest. */
  #auxiliary(gradients: Gradients, dead: readonly number[], settings: NonNullable<StepSettings['auxiliary']>): number {
    const { dIn, dSae, applyDecoderBiasToInput } = this.shape;
    const { batch, tokens, pre, residual } = this.#latest();
    const { encoder, decoder } = this.#parameters;
    const k = Math.min(settings.k, dead.length);
    if (k === 0) return 0;
    const centre = Array.from({ length: dIn }, (_, i) => {
      let sum = 0;
      for (let token = 0; token < tokens; token++) sum -= residual[token * dIn + i]!;
      return sum / tokens;
    });
    const variance = residual.reduce((sum, value, at) => sum + (-value - centre[at % dIn]!) ** 2, 0) / tokens;
    const factor = settings.coefficient / tokens / (settings.normalised ? variance : 1);
    let loss = 0;
    for (let token = 0; token < tokens; token++) {
      const candidates = Float64Array.from(dead, (j) => pre[token * dSae + j]!);
      const kept = topOf(candidates)
        .slice(0, k)
        .filter((at) => candidates[at]! > 0)
        .map((at) => dead[at]!);
      const difference = this.#row(residual, token); // ê − e = ê + residual
      for (const j of kept)
        for (let i = 0; i < dIn; i++) difference[i]! += pre[token * dSae + j]! * decoder[j * dIn + i]!;
      loss += factor * difference.reduce((sum, value) => sum + value * value, 0);
      const z = this.#input(batch, token);
      for (const j of kept) {
        let delta = 0;
        for (let i = 0; i < dIn; i++) {
          delta += 2 * factor * difference[i]! * decoder[j * dIn + i]!;
          gradients.decoder[j * dIn + i]! += 2 * factor * difference[i]! * pre[token * dSae + j]!;
        }
        gradients.encoderBias[j]! += delta;
        for (let i = 0; i < dIn; i++) {
          gradients.encoder[j * dIn + i]! += delta * z[i]!;
          if (applyDecoderBiasToInput) gradients.decoderBias[i]! -= delta * encoder[j * dIn + i]!;
        }
      }
    }
    return loss;
  }

  #deadAfter(settings: StepSettings): { silent: Float64Array; dead: number[] } {
    const { dSae } = this.shape;
    const { tokens, features } = this.#latest();
    const silent = this.#silent.map((count, j) => {
      for (let token = 0; token < tokens; token++) if (features[token * dSae + j]! > 0) return 0;
      return count + tokens;
    });
    const limit = settings.auxiliary?.deadAfterTokens ?? Infinity;
    return { silent, dead: [...silent.keys()].filter((j) => silent[j]! >= limit) };
  }

  gradient(weights: TokenWeights, settings: StepSettings): Promise<DictionaryParameters> {
    const gradients = this.#differentiate(weights);
    if (settings.auxiliary !== null) this.#auxiliary(gradients, this.#deadAfter(settings).dead, settings.auxiliary);
    return Promise.resolve({
      encoder: Float32Array.from(gradients.encoder),
      encoderBias: Float32Array.from(gradients.encoderBias),
      decoder: Float32Array.from(gradients.decoder),
      decoderBias: Float32Array.from(gradients.decoderBias),
    });
  }

  backward(weights: TokenWeights, settings: StepSettings): Promise<BackwardResult> {
    const gradients = this.#differentiate(weights);
    const { silent, dead } = this.#deadAfter(settings);
    this.#silent = silent;
    const auxiliaryLoss = settings.auxiliary === null ? 0 : this.#auxiliary(gradients, dead, settings.auxiliary);
    if (this.shape.unitNormDecoder) this.#project(gradients.decoder);
    const squares = KEYS.map((key) => gradients[key].reduce((sum, value) => sum + value * value, 0));
    const gradientNorm = Math.sqrt(squares.reduce((sum, value) => sum + value, 0));
    const clip = settings.maxGradientNorm === null ? 1 : Math.min(1, settings.maxGradientNorm / (gradientNorm + 1e-6));
    this.#adam(gradients, clip, settings);
    if (this.shape.unitNormDecoder) this.#normalise();
    this.#forward = null;
    return Promise.resolve({ auxiliaryLoss, gradientNorm, dead: dead.length });
  }

  #project(gradient: Float64Array): void {
    const { dIn, dSae } = this.shape;
    for (let j = 0; j < dSae; j++) {
      const unit = this.#row(this.#parameters.decoder, j).map((value) => value / this.#norm(j));
      const along = unit.reduce((sum, value, i) => sum + value * gradient[j * dIn + i]!, 0);
      unit.forEach((value, i) => (gradient[j * dIn + i]! -= along * value));
    }
  }

  #normalise(): void {
    const { dIn, dSae } = this.shape;
    for (let j = 0; j < dSae; j++) {
      const norm = this.#norm(j);
      for (let i = 0; i < dIn; i++) this.#parameters.decoder[j * dIn + i]! /= norm;
    }
  }

  #adam(gradients: Gradients, clip: number, { learningRate, beta1, beta2, epsilon }: StepSettings): void {
    this.#steps++;
    const correction1 = 1 - beta1 ** this.#steps;
    const correction2 = 1 - beta2 ** this.#steps;
    for (const key of KEYS) {
      const [values, first, second] = [this.#parameters[key], this.#first[key], this.#second[key]];
      gradients[key].forEach((raw, at) => {
        const gradient = raw * clip;
        const m = beta1 * first[at]! + (1 - beta1) * gradient;
        const v = beta2 * second[at]! + (1 - beta2) * gradient * gradient;
        [first[at], second[at]] = [m, v];
        values[at]! -= (learningRate * (m / correction1)) / (Math.sqrt(v / correction2) + epsilon);
      });
    }
  }

  state(): Promise<TrainingState> {
    return Promise.resolve({
      parameters: copy(this.#parameters),
      firstMoment: copy(this.#first),
      secondMoment: copy(this.#second),
      steps: this.#steps,
      tokensSinceFired: this.#silent.slice(),
    });
  }

  restore(state: TrainingState): Promise<void> {
    this.#parameters = copy(state.parameters);
    this.#first = copy(state.firstMoment);
    this.#second = copy(state.secondMoment);
    this.#steps = state.steps;
    this.#silent = state.tokensSinceFired.slice();
    this.#forward = null;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** Indices by value, largest first; ties towards the lower index. */
function topOf(values: Float64Array): number[] {
  return [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b);
}

export const referenceEngine: Engine = {
  name: 'wasm',
  device: 'float64 reference',
  dictionary: (shape, parameters) => Promise.resolve(new ReferenceTrainer(shape, parameters)),
  trainer: (shape, start) => Promise.resolve(new ReferenceTrainer(shape, start)),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
