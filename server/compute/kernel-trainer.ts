import { checkBatch, checkSettings, checkState, checkTrained, checkWeights } from './engine-checks.ts';
import type {
  AuxiliaryLoss,
  BackwardResult,
  DictionaryParameters,
  EngineTrainer,
  ForwardResult,
  ForwardSettings,
  SparseFeatures,
  StepSettings,
  TokenWeights,
  TrainingState,
} from './engine.ts';
import { KernelDictionary } from './kernel-dictionary.ts';
import { readParameters, writeParameters, type CallResults, type CallSettings } from './kernel-instance.ts';
import { UsageError } from '../foundation/errors.ts';

/** The batch that `backward` belongs to. */
type Forwarded = CallSettings & { readonly tokens: number };

/** As `AuxiliaryForm` in `kernels/dictionary.h`. */
const AUXILIARY_FORMS: readonly AuxiliaryLoss['form'][] = ['plain', 'normalised', 'saelens'];

/** A dictionary in training. Arguments must not change until the call's promise settles. */
export class KernelTrainer extends KernelDictionary implements EngineTrainer {
  #steps = 0;
  #forwarded: Forwarded | null = null;
  #partial = false;

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
    return this.enqueue(async () => {
      const results = await this.#descend('backward', weights, settings);
      this.#forwarded = null;
      this.#steps++;
      const { auxiliaryLoss, gradientNorm, dead } = results;
      return { auxiliaryLoss, gradientNorm: settings.maxGradientNorm === null ? null : gradientNorm, dead };
    });
  }

  gradient(weights: TokenWeights, settings: StepSettings): Promise<DictionaryParameters> {
    return this.enqueue(async () => {
      await this.#descend('gradient', weights, settings);
      return readParameters(this.instance, 'gradient', this.shape);
    });
  }

  #descend(call: 'backward' | 'gradient', weights: TokenWeights, settings: StepSettings): Promise<CallResults> {
    if (this.#forwarded === null)
      throw new UsageError(
        `${call} needs a forward pass right before it; encode, decode and backward end the last one`,
      );
    checkWeights(this.#forwarded.tokens, weights);
    checkSettings(this.shape, settings);
    this.instance.write('reconstructionWeight', weights.reconstruction);
    this.instance.write('sparsityWeight', weights.sparsity);
    const { learningRate, beta1, beta2, epsilon, maxGradientNorm, auxiliary } = settings;
    const step = this.#steps + 1;
    return this.call(call, {
      ...this.#forwarded,
      ...{ beta1, beta2, epsilon },
      stepSize: learningRate / (1 - beta1 ** step),
      rootCorrection: 1 / Math.sqrt(1 - beta2 ** step),
      maxGradientNorm: maxGradientNorm ?? -1,
      auxiliaryK: auxiliary?.k ?? 0,
      auxiliaryCoefficient: auxiliary?.coefficient ?? 0,
      deadAfterTokens: auxiliary?.deadAfterTokens ?? 0,
      auxiliaryForm: auxiliary === null ? 0 : AUXILIARY_FORMS.indexOf(auxiliary.form),
      partial: this.#partial ? 1 : 0,
    });
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

  state(): Promise<TrainingState> {
    return this.enqueue(() => {
      const tokensSinceFired = new Float64Array(this.shape.dSae);
      this.instance.read('tokensSinceFired', tokensSinceFired);
      return Promise.resolve({
        parameters: readParameters(this.instance, '', this.shape),
        firstMoment: readParameters(this.instance, 'first', this.shape),
        secondMoment: readParameters(this.instance, 'second', this.shape),
        steps: this.#steps,
        tokensSinceFired,
      });
    });
  }

  restore(state: TrainingState): Promise<void> {
    return this.enqueue(() => {
      checkState(this.shape, state);
      writeParameters(this.instance, '', this.shape, state.parameters);
      writeParameters(this.instance, 'first', this.shape, state.firstMoment);
      writeParameters(this.instance, 'second', this.shape, state.secondMoment);
      this.instance.write('tokensSinceFired', state.tokensSinceFired);
      this.instance.parametersWritten();
      this.#steps = state.steps;
      this.#forwarded = null;
      return Promise.resolve();
    });
  }
}
