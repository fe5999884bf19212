import {
  checkBatch,
  checkPiece,
  checkSettings,
  checkSlopes,
  checkState,
  checkTrained,
  checkWeights,
} from './engine-checks.ts';
import type {
  Accumulation,
  AuxiliaryLoss,
  BackwardResult,
  DictionaryParameters,
  EngineTrainer,
  ForwardResult,
  ForwardSettings,
  MomentStorage,
  OutputSlopes,
  SparseFeatures,
  StateAccess,
  StateCounts,
  StepSettings,
  TokenWeights,
  TrainingState,
} from './engine.ts';
import { KernelDictionary, type KernelResources } from './kernel-dictionary.ts';
import { readParameters, type CallName, type CallResults, type CallSettings } from './kernel-instance.ts';
import { readPart, readState, writePart, writeState, type KernelState } from './kernel-state.ts';
import { UsageError } from '../foundation/errors.ts';

/** The batch that `backward` belongs to. */
type Forwarded = CallSettings & { readonly tokens: number };

/** A step whose batch comes in pieces. */
interface Pieces {
  /** Tokens so far. */
  readonly surveyed: number;
  readonly accumulated: number;
  /** Tokens of the batch, known from the first `accumulate` on. */
  readonly batchTokens: number;
  readonly auxiliaryLoss: number;
  readonly dead: number;
}

const NO_PIECES: Pieces = { surveyed: 0, accumulated: 0, batchTokens: 0, auxiliaryLoss: 0, dead: 0 };

/** As `AuxiliaryForm` in `kernels/dictionary.h`. */
const AUXILIARY_FORMS: readonly AuxiliaryLoss['form'][] = ['plain', 'normalised', 'saelens'];

/** A dictionary in training. Arguments must not change until the call's promise settles. */
export class KernelTrainer extends KernelDictionary implements EngineTrainer {
  readonly moments: MomentStorage;
  readonly #state: KernelState;
  #steps = 0;
  #forwarded: Forwarded | null = null;
  #partial = false;
  /** The step whose batch comes in pieces: tokens that were surveyed and accumulated, of so many. */
  #pieces: Pieces = NO_PIECES;

  constructor(resources: KernelResources) {
    super(resources);
    this.moments = resources.layout.moments;
    this.#state = resources;
  }

  readonly accumulation: Accumulation = {
    survey: () =>
      this.enqueue(async () => {
        const forwarded = this.#latest('survey');
        if (this.#pieces.accumulated > 0) throw new UsageError('survey comes before the first accumulate of a step');
        await this.call('survey', { ...forwarded, surveyed: this.#pieces.surveyed });
        this.#pieces = { ...this.#pieces, surveyed: this.#pieces.surveyed + forwarded.tokens };
      }),
    accumulate: (weights, settings, batchTokens) =>
      this.enqueue(async () => {
        const { tokens } = this.#latest('accumulate');
        checkPiece(this.shape, settings, tokens, batchTokens, this.#pieces);
        const { auxiliaryLoss, dead } = await this.#descend('accumulate', weights, settings, {
          ...this.#pieces,
          batchTokens,
        });
        this.#forwarded = null;
        this.#pieces = {
          ...{ surveyed: this.#pieces.surveyed, batchTokens, dead },
          accumulated: this.#pieces.accumulated + tokens,
          auxiliaryLoss: this.#pieces.auxiliaryLoss + auxiliaryLoss,
        };
      }),
    apply: (settings) => this.enqueue(() => this.#apply(settings)),
  };

  readonly outputSlopes: OutputSlopes = {
    residuals: () =>
      this.enqueue(() => {
        const residuals = new Float32Array(this.#latest('backward').tokens * this.shape.dOut);
        this.instance.read('residuals', residuals);
        return Promise.resolve(residuals);
      }),
    backward: (weights, settings, slopes) => this.enqueue(() => this.#backward(weights, settings, slopes)),
    gradient: (weights, settings, slopes) =>
      this.enqueue(async () => {
        await this.#descend('gradient', weights, settings, {}, slopes);
        this.#forwarded = null; // Its residuals are no longer those of the losses.
        return readParameters(this.instance, 'gradient', this.shape);
      }),
  };

  readonly stateAccess: StateAccess = {
    read: (part, name, first, into) =>
      this.enqueue(() => {
        readState(this.#state, part, name, first, into);
        return Promise.resolve();
      }),
    write: (part, name, first, from) =>
      this.enqueue(() => {
        writeState(this.#state, part, name, first, from);
        return Promise.resolve();
      }),
    counts: () => this.enqueue(() => Promise.resolve(this.#counts())),
    finish: (counts) =>
      this.enqueue(() => {
        this.#take(counts);
        return Promise.resolve();
      }),
  };

  async #apply(settings: StepSettings): Promise<BackwardResult> {
    checkSettings(this.shape, settings);
    const { accumulated, batchTokens, auxiliaryLoss, dead } = this.#pieces;
    if (accumulated === 0 || accumulated < batchTokens)
      throw new UsageError(
        `apply after ${accumulated} of the batch's ${batchTokens} tokens; accumulate the rest first`,
      );
    const { gradientNorm } = await this.call('apply', {
      tokens: batchTokens,
      ...this.#stepSettings(settings),
      batchTokens,
    });
    this.#pieces = NO_PIECES;
    this.#steps++;
    return { auxiliaryLoss, gradientNorm: settings.maxGradientNorm === null ? null : gradientNorm, dead };
  }

  forward(batch: Float32Array, settings: ForwardSettings): Promise<ForwardResult> {
    return this.enqueue(async () => {
      this.#forwarded = null;
      const tokens = checkBatch(this.shape, batch, settings);
      const { sparsityCoefficient, targets = null, widths = [] } = settings;
      this.instance.write('tokens', batch);
      if (targets !== null) this.instance.write('targets', targets);
      if (widths.length > 0) this.instance.write('widths', Uint32Array.from(widths));
      const hasTargets = targets === null ? 0 : 1;
      const forwarded = {
        tokens,
        sparsityCoefficient,
        hasTargets,
        levels: Math.max(1, widths.length),
        ...this.#kernel(),
      };
      const { active, smallest } = await this.call('forward', forwarded);
      const reconstruction = new Float64Array(tokens);
      const sparsity = new Float64Array(tokens);
      this.instance.read('reconstructionLoss', reconstruction);
      this.instance.read('sparsityLoss', sparsity);
      this.#forwarded = forwarded;
      return { reconstruction, sparsity, active, smallest: smallest > 0 ? smallest : null };
    });
  }

  /** Of jumprelu's straight-through gradient and penalty. */
  #kernel(): Pick<CallSettings, 'bandwidth' | 'tanhScale'> {
    const { architecture } = this.shape;
    if (architecture.kind !== 'jumprelu') return {};
    const { penalty, bandwidth } = architecture;
    return { bandwidth, tanhScale: penalty.kind === 'tanh' ? penalty.scale : 0 };
  }

  trainOnly(features: Uint8Array | null): Promise<void> {
    return this.enqueue(() => {
      if (features !== null) {
        checkTrained(this.shape, features);
        this.instance.write('trained', features);
      }
      this.#partial = features !== null;
      return Promise.resolve();
    });
  }

  backward(weights: TokenWeights, settings: StepSettings): Promise<BackwardResult> {
    return this.enqueue(() => this.#backward(weights, settings, null));
  }

  /** @param slopes of x̂, [tokens, d_out]; null where the loss is the engine's own */
  async #backward(weights: TokenWeights, settings: StepSettings, slopes: Float32Array | null): Promise<BackwardResult> {
    const results = await this.#descend('backward', weights, settings, {}, slopes);
    this.#forwarded = null;
    this.#steps++;
    const { auxiliaryLoss, gradientNorm, dead } = results;
    return { auxiliaryLoss, gradientNorm: settings.maxGradientNorm === null ? null : gradientNorm, dead };
  }

  gradient(weights: TokenWeights, settings: StepSettings): Promise<DictionaryParameters> {
    return this.enqueue(async () => {
      await this.#descend('gradient', weights, settings);
      return readParameters(this.instance, 'gradient', this.shape);
    });
  }

  #latest(call: CallName): Forwarded {
    if (this.#forwarded === null)
      throw new UsageError(
        `${call} needs a forward pass right before it; encode, decode and backward end the last one`,
      );
    return this.#forwarded;
  }

  #descend(
    call: 'backward' | 'gradient' | 'accumulate',
    weights: TokenWeights,
    settings: StepSettings,
    pieces: Partial<Pieces> = {},
    slopes: Float32Array | null = null,
  ): Promise<CallResults> {
    const forwarded = this.#latest(call);
    if (call !== 'accumulate' && this.#pieces !== NO_PIECES)
      throw new UsageError(`${call} within a step whose batch comes in pieces; apply it, or restore a state, first`);
    checkWeights(forwarded.tokens, weights);
    checkSettings(this.shape, settings);
    this.instance.write('reconstructionWeight', weights.reconstruction);
    this.instance.write('sparsityWeight', weights.sparsity);
    if (slopes !== null) {
      checkSlopes(this.shape, forwarded.tokens, slopes);
      this.instance.write('outputSlopes', slopes);
    }
    const { batchTokens = 0, surveyed = 0, accumulated = 0 } = pieces;
    return this.call(call, {
      ...{ ...forwarded, ...this.#stepSettings(settings), batchTokens, surveyed, accumulated },
      hasSlopes: slopes === null ? 0 : 1,
    });
  }

  #stepSettings(settings: StepSettings): CallSettings {
    const { learningRate, beta1, beta2, epsilon, maxGradientNorm, auxiliary } = settings;
    const step = this.#steps + 1;
    return {
      ...{ beta1, beta2, epsilon, adamStep: step % 2 ** 32 },
      stepSize: learningRate / (1 - beta1 ** step),
      rootCorrection: 1 / Math.sqrt(1 - beta2 ** step),
      maxGradientNorm: maxGradientNorm ?? -1,
      auxiliaryK: auxiliary?.k ?? 0,
      auxiliaryCoefficient: auxiliary?.coefficient ?? 0,
      deadAfterTokens: auxiliary?.deadAfterTokens ?? 0,
      auxiliaryForm: auxiliary === null ? 0 : AUXILIARY_FORMS.indexOf(auxiliary.form),
      partial: this.#partial ? 1 : 0,
    };
  }

  override encode(activations: Float32Array): Promise<SparseFeatures> {
    this.#endForward();
    return super.encode(activations);
  }

  override decode(features: SparseFeatures): Promise<Float32Array> {
    this.#endForward();
    return super.decode(features);
  }

  /** Inference uses the memory of the forward pass. */
  #endForward(): void {
    void this.enqueue(() => {
      this.#forwarded = null;
      return Promise.resolve();
    }).catch(() => undefined);
  }

  #counts(): StateCounts {
    const tokensSinceFired = new Float64Array(this.shape.dSae);
    this.instance.read('tokensSinceFired', tokensSinceFired);
    return { steps: this.#steps, tokensSinceFired };
  }

  /** Parameters and moments were written; these belong to them. */
  #take({ steps, tokensSinceFired }: StateCounts): void {
    this.instance.write('tokensSinceFired', tokensSinceFired);
    this.instance.parametersWritten();
    this.#steps = steps;
    this.#forwarded = null;
    this.#pieces = NO_PIECES;
  }

  state(): Promise<TrainingState> {
    return this.enqueue(() =>
      Promise.resolve({
        parameters: readPart(this.#state, 'parameters'),
        firstMoment: readPart(this.#state, 'firstMoment'),
        secondMoment: readPart(this.#state, 'secondMoment'),
        ...this.#counts(),
      }),
    );
  }

  restore(state: TrainingState): Promise<void> {
    return this.enqueue(() => {
      checkState(this.shape, state);
      writePart(this.#state, 'parameters', state.parameters);
      writePart(this.#state, 'firstMoment', state.firstMoment);
      writePart(this.#state, 'secondMoment', state.secondMoment);
      this.#take(state);
      return Promise.resolve();
    });
  }
}
