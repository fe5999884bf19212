/**
 * The engine's contract written as plainly as its formulas, dense and in float64: the second implementation that real engines and
 * the training loop are checked against. Parameters and moments are kept in float32 between steps, as the interface hands them
 * over, so that a stored state is all there is.
 */
import type {
  BackwardResult,
  DictionaryParameters,
  Engine,
  EngineShape,
  EngineTrainer,
  ForwardResult,
  ForwardSettings,
  SparseFeatures,
  StepSettings,
  TokenWeights,
  TrainingState,
} from '../../server/compute/engine.ts';
import { activate } from './activation.ts';
import { auxK, deadLatents, gateLoss } from './auxiliary.ts';
import { decodePrefix, forwardPass, preActivations, undoRescaling, type Pass } from './forward.ts';
import { lossGradient } from './gradient.ts';
import { relu, rowsOf, zeroMatrix } from './matrices.ts';
import { freeze, gradientNorm, project, renormalise, step, type Trained } from './optimiser.ts';
import { narrow, widen, zeroParameters, type ReferenceParameters } from './parameters.ts';

class ReferenceTrainer implements EngineTrainer {
  readonly shape: EngineShape;
  #state: TrainingState;
  #trained: Trained = null;
  #pass: Pass | null = null;

  constructor(shape: EngineShape, start: DictionaryParameters | TrainingState) {
    this.shape = shape;
    const zeros = narrow(shape, zeroParameters(shape));
    const silent = new Float64Array(shape.dSae);
    this.#state = this.#copy(
      'parameters' in start
        ? start
        : { parameters: start, firstMoment: zeros, secondMoment: zeros, steps: 0, tokensSinceFired: silent },
    );
  }

  #copy({ parameters, firstMoment, secondMoment, steps, tokensSinceFired }: TrainingState): TrainingState {
    const copy = (from: DictionaryParameters): DictionaryParameters => narrow(this.shape, widen(this.shape, from));
    return {
      ...{ parameters: copy(parameters), firstMoment: copy(firstMoment), secondMoment: copy(secondMoment), steps },
      tokensSinceFired: tokensSinceFired.slice(),
    };
  }

  /** With θ ← max(θ, 0), as every forward pass starts. */
  #parameters(): ReferenceParameters {
    const parameters = widen(this.shape, this.#state.parameters);
    return parameters.threshold === undefined
      ? parameters
      : { ...parameters, threshold: parameters.threshold.map(relu) };
  }

  #latest(): Pass {
    if (this.#pass === null) throw new Error('backward without forward');
    return this.#pass;
  }

  encode(activations: Float32Array): Promise<SparseFeatures> {
    const p = this.#parameters();
    const given = preActivations(this.shape, p, rowsOf(Float64Array.from(activations), this.shape.dIn));
    const rows = activate(this.shape, p, given).map((row) => [...row.entries()].filter(([, value]) => value !== 0));
    const entries = rows.flat();
    let end = 0;
    return Promise.resolve({
      offsets: Uint32Array.from([0, ...rows.map((row) => (end += row.length))]),
      features: Uint32Array.from(entries, ([feature]) => feature),
      values: Float32Array.from(entries, ([, value]) => value),
    });
  }

  decode({ offsets, features, values }: SparseFeatures): Promise<Float32Array> {
    const { dSae } = this.shape;
    const p = this.#parameters();
    const { norms } = preActivations(this.shape, p, []);
    const dense = zeroMatrix(offsets.length - 1, dSae);
    dense.forEach((row, token) => {
      for (let at = offsets[token]!; at < offsets[token + 1]!; at++)
        row[features[at]!] = undoRescaling(this.shape, norms[features[at]!]!, values[at]!);
    });
    return Promise.resolve(Float32Array.from(decodePrefix(this.shape, p, dense, dSae).flatMap((row) => [...row])));
  }

  forward(batch: Float32Array, settings: ForwardSettings): Promise<ForwardResult> {
    const { kind } = this.shape.architecture;
    const p = this.#parameters();
    this.#state = { ...this.#state, parameters: narrow(this.shape, p) };
    this.#pass = forwardPass(this.shape, p, batch, settings);
    const { reconstruction, sparsity, features } = this.#pass;
    const active = features.flatMap((row) => [...row].filter((value) => value !== 0));
    const chosenFromBatch = (kind === 'batchtopk' || kind === 'matryoshka') && active.length > 0;
    const smallest = chosenFromBatch ? active.reduce((least, value) => Math.min(least, value), Infinity) : null;
    return Promise.resolve({
      ...{ reconstruction: reconstruction.slice(), sparsity: sparsity.slice() },
      ...{ active: active.length, smallest },
    });
  }

  /** [d_sae] tokens since a feature fired, the latest batch included */
  #silentAfter(): Float64Array {
    const { features } = this.#latest();
    return this.#state.tokensSinceFired.map((count, j) =>
      features.some((row) => row[j]! > 0) ? 0 : count + features.length,
    );
  }

  #differentiate(
    weights: TokenWeights,
    { auxiliary }: StepSettings,
  ): { gradient: ReferenceParameters; auxiliaryLoss: number; dead: number } {
    const pass = this.#latest();
    const gradient = lossGradient(pass, weights);
    const latents =
      auxiliary === null ? null : deadLatents(pass, auxiliary, this.#state.tokensSinceFired, this.#silentAfter());
    const auxiliaryLoss = gateLoss(pass, gradient) + (latents === null ? 0 : auxK(pass, latents, gradient));
    freeze(this.shape, this.#trained, gradient);
    return { gradient, auxiliaryLoss, dead: latents?.dead.length ?? 0 };
  }

  gradient(weights: TokenWeights, settings: StepSettings): Promise<DictionaryParameters> {
    return Promise.resolve(narrow(this.shape, this.#differentiate(weights, settings).gradient));
  }

  backward(weights: TokenWeights, settings: StepSettings): Promise<BackwardResult> {
    const { shape } = this;
    const { gradient, auxiliaryLoss, dead } = this.#differentiate(weights, settings);
    const tokensSinceFired = this.#silentAfter();
    const moving = {
      parameters: this.#latest().parameters,
      first: widen(shape, this.#state.firstMoment),
      second: widen(shape, this.#state.secondMoment),
      steps: this.#state.steps,
    };
    if (shape.unitNormDecoder) project(shape, moving.parameters, gradient);
    const norm = gradientNorm(shape, gradient);
    step(shape, moving, gradient, { ...settings, norm, trained: this.#trained });
    if (shape.unitNormDecoder) renormalise(shape, moving, this.#trained);
    this.#state = {
      parameters: narrow(shape, moving.parameters),
      firstMoment: narrow(shape, moving.first),
      secondMoment: narrow(shape, moving.second),
      steps: moving.steps + 1,
      tokensSinceFired,
    };
    this.#pass = null;
    return Promise.resolve({ auxiliaryLoss, gradientNorm: norm, dead });
  }

  trainOnly(features: Uint8Array | null): Promise<void> {
    this.#trained = features?.slice() ?? null;
    return Promise.resolve();
  }

  state(): Promise<TrainingState> {
    return Promise.resolve(this.#copy(this.#state));
  }

  restore(state: TrainingState): Promise<void> {
    this.#state = this.#copy(state);
    this.#pass = null;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

export const referenceEngine: Engine = {
  name: 'wasm',
  device: 'float64 reference',
  dictionary: (shape, parameters) => Promise.resolve(new ReferenceTrainer(shape, parameters)),
  trainer: (shape, start) => Promise.resolve(new ReferenceTrainer(shape, start)),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
