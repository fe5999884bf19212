/** The two auxiliary losses: AuxK (2406.04093) over dead latents, and the gated dictionary's own (2404.16014). */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { AuxiliaryLoss } from '../engine.ts';
import { isRescaled, selectable, type Batch, type Model, type PreActivations } from './pass.ts';
import { largestOfRows } from './selection.ts';
import { floatsOf } from './tensors.ts';

/** What AuxK takes as given: constants to autograd. */
export interface DeadLatents {
  /** 1 where a dead latent is among the token's k largest, [tokens, d_sae] */
  readonly chosen: Tensor;
  /** e = y − x̂, [tokens, d_out] */
  readonly errors: Tensor;
  /** What Σ_i ‖e_i − ê_i‖² is multiplied by. */
  readonly factor: number;
}

/** mean_i ‖row_i − mean row‖², in float64. @param rows [count, width] */
function varianceOf(rows: Float32Array, width: number): number {
  const count = rows.length / width;
  const mean = new Float64Array(width);
  rows.forEach((value, at) => (mean[at % width]! += value / count));
  return rows.reduce((total, value, at) => total + (value - mean[at % width]!) ** 2, 0) / count;
}

function factorOf({ form, coefficient, k }: AuxiliaryLoss, dead: number, errors: Tensor): number {
  const [tokens, width] = errors.shape as [number, number];
  const each = coefficient / tokens;
  switch (form) {
    case 'plain':
      return each;
    case 'saelens':
      return each * Math.min(1, dead / k);
    case 'normalised': {
      const variance = varianceOf(floatsOf(errors), width);
      return variance === 0 ? 0 : each / variance;
    }
  }
}

/**
 * @param dead [d_sae] 1 of latents that count as dead, of which there is one at least
 * @param residual x̂ − y, [tokens, d_out]
 */
export function chooseDead(
  model: Model,
  given: PreActivations,
  settings: AuxiliaryLoss,
  dead: Uint8Array,
  residual: Tensor,
): DeadLatents {
  const { tf, shape } = model;
  const count = dead.reduce((sum, each) => sum + each, 0);
  const values = selectable(model, given);
  const isDead = tf.cast(tf.tensor(dead, [1, shape.dSae], 'int32'), 'bool');
  const candidates = tf.where(isDead, values, tf.fill(values.shape, -Infinity));
  let chosen = largestOfRows(tf, candidates, Math.min(settings.k, count));
  if (settings.form !== 'saelens') chosen = tf.mul(chosen, tf.cast(tf.greater(values, 0), 'float32'));
  // f/u of a latent without a direction is 0.
  if (isRescaled(shape)) chosen = tf.mul(chosen, tf.cast(tf.greater(given.norms, 0), 'float32'));
  const errors = tf.neg(residual);
  return { chosen, errors, factor: factorOf(settings, count, errors) };
}

/** AuxK, a scalar. */
export function auxK({ tf, parameters }: Model, { pre }: PreActivations, latents: DeadLatents): Tensor {
  const output = tf.matMul(tf.mul(pre, latents.chosen), parameters.decoder);
  return tf.mul(tf.sum(tf.square(tf.sub(output, latents.errors))), latents.factor);
}

/**
 * mean_i ‖y_i − (relu(π_i + b_gate) W_dec + b_dec)‖², a scalar.
 * @param decoder W_dec and b_dec: constants in the paper, those that train as SAELens has it
 */
export function gateLoss(
  { tf }: Model,
  { pre }: PreActivations,
  { targets }: Batch,
  decoder: { readonly decoder: Tensor; readonly decoderBias: Tensor },
): Tensor {
  const output = tf.add(tf.matMul(tf.relu(pre), decoder.decoder), decoder.decoderBias);
  return tf.div(tf.sum(tf.square(tf.sub(output, targets))), targets.shape[0]);
}
