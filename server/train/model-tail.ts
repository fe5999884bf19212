import { UsageError, unknownName } from '../foundation/errors.ts';
import type { LanguageModel } from '../model/language-model.ts';

/** What the model predicts from replaced passages, against what it predicts from their own. */
export interface MeanDivergence {
  /** Mean over all tokens of KL(softmax(tail(x)) ‖ softmax(tail(x̂))), in nats. */
  readonly value: number;
  /** Its gradient by x̂, [tokens, d_model], passages one after the other. */
  readonly slopes: Float32Array;
}

const RESIDUAL_STREAM = /\.hook_resid_(pre|mid|post)$/;

/**
 * The model behind a hook point of the residual stream, as a function of passages' rows: special tokens that harvested rows leave out
 * are put before each passage again, with their own activations.
 */
export class ModelTail {
  readonly hookPoint: string;
  /** Rows of a passage that the model reads at once. */
  readonly longest: number;
  readonly #model: LanguageModel;
  /** [special tokens, d_model] */
  readonly #prefix: Float32Array;

  private constructor(model: LanguageModel, hookPoint: string, prefix: Float32Array) {
    const { contextLength, dModel } = model.description;
    this.hookPoint = hookPoint;
    this.longest = Math.max(1, contextLength - prefix.length / dModel);
    this.#model = model;
    this.#prefix = prefix;
  }

  /**
   * @throws UsageError when the hook point is none of the model's residual stream, WorkError when a gradient cannot be taken through
   *   the model behind it
   */
  static async open(model: LanguageModel, hookPoint: string): Promise<ModelTail> {
    const { name, hookPoints, dModel } = model.description;
    if (!RESIDUAL_STREAM.test(hookPoint))
      throw new UsageError(
        `--kl with --hook ${hookPoint}: the model behind it does not follow from it alone; expected a hook point of the residual stream, as blocks.2.hook_resid_post`,
      );
    if (!hookPoints.some((point) => point.name === hookPoint))
      throw unknownName(
        `hook point of model ${name}`,
        hookPoint,
        hookPoints.map((point) => point.name),
      );
    const { ids, special } = model.encode('a');
    const prefix = ids.slice(0, Math.max(0, special.indexOf(0)));
    const rows = prefix.length === 0 ? undefined : (await model.activations(hookPoint, [prefix]))[0];
    const tail = new ModelTail(model, hookPoint, rows ?? new Float32Array());
    // What cannot be differentiated is found now, and not in the last steps of a run.
    await tail.divergence(new Float32Array(dModel).fill(1), new Float32Array(dModel).fill(1), [1]);
    return tail;
  }

  /**
   * @param original x, [tokens, d_model], passages one after the other @param replacement x̂
   * @param lengths rows of each passage
   */
  async divergence(
    original: Float32Array,
    replacement: Float32Array,
    lengths: readonly number[],
  ): Promise<MeanDivergence> {
    const { dModel } = this.#model.description;
    const found = await this.#model.divergenceGradients(
      this.hookPoint,
      this.#sequences(original, lengths),
      this.#sequences(replacement, lengths),
    );
    const tokens = lengths.reduce((sum, length) => sum + length, 0);
    const slopes = new Float32Array(tokens * dModel);
    let [value, at] = [0, 0];
    for (const { divergence, gradient } of found) {
      for (const each of divergence.subarray(this.#prefix.length / dModel)) value += each / tokens;
      const own = gradient.subarray(this.#prefix.length);
      for (let i = 0; i < own.length; i++) slopes[at + i] = own[i]! / tokens;
      at += own.length;
    }
    return { value, slopes };
  }

  #sequences(rows: Float32Array, lengths: readonly number[]): Float32Array[] {
    const { dModel } = this.#model.description;
    let at = 0;
    return lengths.map((length) => {
      const own = rows.subarray(at, (at += length * dModel));
      const sequence = new Float32Array(this.#prefix.length + own.length);
      sequence.set(this.#prefix);
      sequence.set(own, this.#prefix.length);
      return sequence;
    });
  }
}
