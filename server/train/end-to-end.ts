/**
 * The last steps of a run, whose loss has the model's own divergence beside the reconstruction (Braun et al., 2405.12241, section 2;
 * Karvonen, 2503.17272: a short finetune with KL + MSE at the end, the two balanced anew each step):
 *
 *   L = R + C · (E/KL) · KL,   KL = mean over tokens of KL(softmax(tail(x)) ‖ softmax(tail(x̂))),   E = mean ‖x − x̂‖²
 *
 * where E/KL is of the step's own batch and held constant, so that C says how much the divergence weighs against the reconstruction
 * whatever their units.
 */
import type { ForwardResult } from '../compute/engine.ts';
import type { ActivationScale } from '../sae/canonical.ts';
import type { Batch } from './batches.ts';
import type { ModelTail } from './model-tail.ts';
import type { DivergencePlan } from './training-plan.ts';
import type { PassageBatch, WholePassages } from './whole-passages.ts';

/** Below it a divergence is rounding. */
const LEAST_DIVERGENCE = 1e-8;

/** A batch of passages, with their rows as harvested. */
export interface EndToEndBatch {
  readonly batch: Batch;
  readonly raw: PassageBatch;
}

export interface OutsideLoss {
  /** KL, in nats. */
  readonly divergence: number;
  /** Of C · (E/KL) · KL by the scaled reconstruction, [tokens, d_out]. */
  readonly slopes: Float32Array;
}

export class EndToEnd {
  readonly #plan: DivergencePlan;
  readonly #passages: WholePassages;
  readonly #tail: ModelTail;
  readonly #scale: number;

  constructor(plan: DivergencePlan, passages: WholePassages, tail: ModelTail, { input }: ActivationScale) {
    this.#plan = plan;
    this.#passages = passages;
    this.#tail = tail;
    this.#scale = input;
  }

  /** The batch of a step that has the divergence in its loss; null for one that has not. @param step counted from 0 */
  async deal(step: number): Promise<EndToEndBatch | null> {
    if (step < this.#plan.fromStep) return null;
    const raw = await this.#passages.deal(step - this.#plan.fromStep);
    const values = raw.values.map((value) => value * this.#scale);
    return { raw, batch: { values, targets: null, rows: raw.rows, passages: raw.passages, isGeneral: null } };
  }

  /**
   * @param residuals x̂ − x, scaled, [tokens, d_out] @param forward of the batch, whose losses are summed over so many `levels`
   */
  async loss(
    { raw }: EndToEndBatch,
    residuals: Float32Array,
    { reconstruction }: ForwardResult,
    levels: number,
  ): Promise<OutsideLoss> {
    const replacement = raw.values.map((value, i) => value + residuals[i]! / this.#scale);
    const { value, slopes } = await this.#tail.divergence(raw.values, replacement, raw.lengths);
    const error = reconstruction.reduce((sum, each) => sum + each, 0) / reconstruction.length / levels;
    const factor = (this.#plan.coefficient * error) / Math.max(value, LEAST_DIVERGENCE) / this.#scale;
    return { divergence: value, slopes: slopes.map((slope) => slope * factor) };
  }
}
