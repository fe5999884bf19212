import type { Tensor, Variable } from '@tensorflow/tfjs-core';
import {
  checkBatch,
  checkSettings,
  checkSlopes,
  checkState,
  checkTrained,
  checkWeights,
  requireFinite,
} from '../engine-checks.ts';
import type {
  AuxiliaryLoss,
  BackwardResult,
  DictionaryParameters,
  EngineShape,
  EngineTrainer,
  ForwardResult,
  ForwardSettings,
  OutputSlopes,
  StepSettings,
  TokenWeights,
  TrainingState,
} from '../engine.ts';
import { UsageError } from '../../foundation/errors.ts';
import { chooseDead, type DeadLatents } from './auxiliary.ts';
import { descend, type Descent, type ForwardedBatch } from './descent.ts';
import { choose, forwardPass, preActivations, type Batch, type Pass } from './pass.ts';
import { TensorFlowDictionary, type TensorFlowResources } from './tensorflow-dictionary.ts';
import { download, floatsOf, namesOf, scoped, variablesOf, type ParameterTensors } from './tensors.ts';
import { freeze, gradientNorm, project, renormalise, step, type Moving } from './update.ts';

/** What `backward` needs of a forward pass. */
interface Forwarded {
  readonly batch: ForwardedBatch;
  /** x̂ − y, [tokens, d_out] */
  readonly residual: Tensor;
  /** [d_sae] tokens since a feature fired, this batch included. */
  readonly silent: Float64Array;
}

/** A dictionary in training. Its gradients are tfjs's own, of the formulas in `pass.ts`. */
export class TensorFlowTrainer extends TensorFlowDictionary implements EngineTrainer {
  readonly #first: ParameterTensors<Variable>;
  readonly #second: ParameterTensors<Variable>;
  #sinceFired: Float64Array;
  #steps: number;
  #trained: Uint8Array | null = null;
  #forwarded: Forwarded | null = null;

  readonly outputSlopes: OutputSlopes = {
    residuals: () => this.enqueue(() => floatsOf(this.#forwardedFor('residuals').residual).slice()),
    backward: (weights, settings, slopes) => this.enqueue(() => this.#step(weights, settings, slopes)),
    gradient: (weights, settings, slopes) =>
      this.enqueue(() => {
        const gradient = this.#gradient(weights, settings, slopes);
        this.#forget();
        return gradient;
      }),
  };

  /** Copies the arrays. Without a state it starts with zero moments. */
  constructor(resources: TensorFlowResources, shape: EngineShape, start: DictionaryParameters | TrainingState) {
    const state = 'steps' in start ? start : null;
    super(resources, shape, 'steps' in start ? start.parameters : start);
    this.#first = variablesOf(this.held.tf, shape, state?.firstMoment ?? null);
    this.#second = variablesOf(this.held.tf, shape, state?.secondMoment ?? null);
    this.#sinceFired = state?.tokensSinceFired.slice() ?? new Float64Array(shape.dSae);
    this.#steps = state?.steps ?? 0;
  }

  get #moving(): Moving {
    return { ...this.held, first: this.#first, second: this.#second, trained: this.#trained };
  }

  /** Ends the latest forward pass. */
  #forget(): void {
    if (this.#forwarded === null) return;
    const { batch, residual } = this.#forwarded;
    this.held.tf.dispose([batch.x, batch.targets, batch.chosen, residual]);
    this.#forwarded = null;
  }

  forward(batch: Float32Array, settings: ForwardSettings): Promise<ForwardResult> {
    return this.enqueue(() => {
      this.#forget();
      checkBatch(this.shape, batch, settings);
      requireFinite(batch, this.shape.dIn);
      return scoped(this.held.tf, () => this.#forward(this.#upload(batch, settings)));
    });
  }

  #upload(batch: Float32Array, { targets = null, widths = [], sparsityCoefficient }: ForwardSettings): Batch {
    const { dIn, dOut, dSae } = this.shape;
    const tokens = batch.length / dIn;
    const x = this.held.tf.tensor(batch.slice(), [tokens, dIn]);
    return {
      ...{ x, targets: targets === null ? x : this.held.tf.tensor(targets.slice(), [tokens, dOut]) },
      ...{ widths: widths.length === 0 ? [dSae] : widths, sparsityCoefficient },
    };
  }

  #forward(batch: Batch): ForwardResult {
    const { tf, parameters } = this.held;
    if (this.shape.architecture.kind === 'jumprelu') parameters.threshold.assign(tf.relu(parameters.threshold));
    const given = preActivations(this.held, batch.x);
    const chosen = choose(this.held, given);
    const pass = forwardPass(this.held, batch, given, chosen);
    const tokens = batch.x.shape[0];
    const fired = tf.any(tf.greater(pass.features, 0), 0).dataSync();
    for (const tensor of [batch.x, batch.targets, chosen, pass.residual]) tf.keep(tensor);
    this.#forwarded = {
      ...{ batch: { ...batch, chosen }, residual: pass.residual },
      silent: this.#sinceFired.map((count, j) => (fired[j] === 0 ? count + tokens : 0)),
    };
    return this.#resultOf(pass);
  }

  #resultOf({ features, reconstruction, sparsity }: Pass): ForwardResult {
    const { tf } = this.held;
    const { kind } = this.shape.architecture;
    const isActive = tf.notEqual(features, 0);
    const active = tf.sum(isActive).dataSync()[0]!;
    const choosesAmongAll = kind === 'batchtopk' || kind === 'matryoshka';
    return {
      reconstruction: Float64Array.from(floatsOf(reconstruction)),
      sparsity: sparsity === null ? new Float64Array(reconstruction.size) : Float64Array.from(floatsOf(sparsity)),
      active,
      smallest:
        choosesAmongAll && active > 0
          ? floatsOf(tf.min(tf.where(isActive, features, tf.fill(features.shape, Infinity))))[0]!
          : null,
    };
  }

  trainOnly(features: Uint8Array | null): Promise<void> {
    return this.enqueue(() => {
      if (features !== null) checkTrained(this.shape, features);
      this.#trained = features?.slice() ?? null;
    });
  }

  backward(weights: TokenWeights, settings: StepSettings): Promise<BackwardResult> {
    return this.enqueue(() => this.#step(weights, settings, null));
  }

  /** @param slopes of x̂; null where the loss is the engine's own */
  #step(weights: TokenWeights, settings: StepSettings, slopes: Float32Array | null): BackwardResult {
    const forwarded = this.#latest('backward', weights, settings, slopes);
    const result = scoped(this.held.tf, () => this.#backward(forwarded, weights, settings, slopes));
    this.#sinceFired = forwarded.silent;
    this.#steps++;
    this.#forget();
    return result;
  }

  #backward(
    forwarded: Forwarded,
    weights: TokenWeights,
    settings: StepSettings,
    slopes: Float32Array | null,
  ): BackwardResult {
    const { unitNormDecoder } = this.shape;
    const moving = this.#moving;
    const { gradient: raw, auxiliaryLoss, dead } = this.#descend(forwarded, weights, settings, slopes);
    const gradient = unitNormDecoder ? project(moving, raw) : raw;
    const { maxGradientNorm } = settings;
    const norm = maxGradientNorm === null ? null : gradientNorm(moving, gradient);
    const clip = norm === null ? 1 : Math.min(1, maxGradientNorm! / (norm + 1e-6));
    step(moving, gradient, settings, clip, this.#steps);
    if (unitNormDecoder) renormalise(moving);
    return { auxiliaryLoss, gradientNorm: norm, dead };
  }

  gradient(weights: TokenWeights, settings: StepSettings): Promise<DictionaryParameters> {
    return this.enqueue(() => this.#gradient(weights, settings, null));
  }

  #gradient(weights: TokenWeights, settings: StepSettings, slopes: Float32Array | null): DictionaryParameters {
    const forwarded = this.#latest('gradient', weights, settings, slopes);
    const raw = (): DictionaryParameters =>
      download(this.shape, this.#descend(forwarded, weights, settings, slopes).gradient);
    return scoped(this.held.tf, raw);
  }

  #forwardedFor(call: string): Forwarded {
    if (this.#forwarded === null) throw new UsageError(`${call} needs a forward pass; backward ends the last one`);
    return this.#forwarded;
  }

  #latest(
    call: 'backward' | 'gradient',
    weights: TokenWeights,
    settings: StepSettings,
    slopes: Float32Array | null,
  ): Forwarded {
    const forwarded = this.#forwardedFor(call);
    const tokens = forwarded.batch.x.shape[0];
    checkWeights(tokens, weights);
    checkSettings(this.shape, settings);
    if (slopes !== null) checkSlopes(this.shape, tokens, slopes);
    return forwarded;
  }

  /** The gradient of what may move. */
  #descend(
    forwarded: Forwarded,
    weights: TokenWeights,
    { auxiliary }: StepSettings,
    slopes: Float32Array | null,
  ): Descent & { readonly dead: number } {
    const { dead, latents } = auxiliary === null ? { dead: 0, latents: null } : this.#latents(forwarded, auxiliary);
    const { tf } = this.held;
    const byOutput = slopes === null ? null : tf.tensor(slopes.slice(), forwarded.residual.shape);
    const { gradient, auxiliaryLoss } = descend(this.held, forwarded.batch, weights, latents, byOutput);
    return { gradient: freeze(this.#moving, gradient), auxiliaryLoss, dead };
  }

  #latents(
    { batch, residual, silent }: Forwarded,
    settings: AuxiliaryLoss,
  ): { readonly dead: number; readonly latents: DeadLatents | null } {
    const since = settings.form === 'saelens' ? this.#sinceFired : silent;
    const flags = Uint8Array.from(since, (tokens) => Number(tokens >= settings.deadAfterTokens));
    const dead = flags.reduce((sum, flag) => sum + flag, 0);
    if (dead === 0) return { dead, latents: null };
    return { dead, latents: chooseDead(this.held, preActivations(this.held, batch.x), settings, flags, residual) };
  }

  state(): Promise<TrainingState> {
    return this.enqueue(() => ({
      parameters: download(this.shape, this.held.parameters),
      firstMoment: download(this.shape, this.#first),
      secondMoment: download(this.shape, this.#second),
      steps: this.#steps,
      tokensSinceFired: this.#sinceFired.slice(),
    }));
  }

  restore(state: TrainingState): Promise<void> {
    return this.enqueue(() => {
      checkState(this.shape, state);
      this.#forget();
      this.#write(this.held.parameters, state.parameters);
      this.#write(this.#first, state.firstMoment);
      this.#write(this.#second, state.secondMoment);
      this.#steps = state.steps;
      this.#sinceFired = state.tokensSinceFired.slice();
    });
  }

  #write(variables: ParameterTensors<Variable>, values: DictionaryParameters): void {
    scoped(this.held.tf, () => {
      for (const name of namesOf(this.shape))
        variables[name].assign(this.held.tf.tensor(values[name]!.slice(), variables[name].shape));
    });
  }

  protected override free(): void {
    this.#forget();
    this.held.tf.dispose([this.#first, this.#second]);
    super.free();
  }
}
