/** What follows the raw gradient: freezing, projection, clipping, Adam (1412.6980), renormalisation. Call these within a scope. */
import type { Tensor, Variable } from '@tensorflow/tfjs-core';
import type { ParameterName, StepSettings } from '../engine.ts';
import type { VariableModel } from './pass.ts';
import { floatsOf, forEachParameter, namesOf, SHARED, type ParameterTensors } from './tensors.ts';

/** Every parameter with its moments. */
export interface Moving extends VariableModel {
  readonly first: ParameterTensors<Variable>;
  readonly second: ParameterTensors<Variable>;
  /** Only these features train ([d_sae] 1 or 0), no b_dec and no skip; null: everything. */
  readonly trained: Uint8Array | null;
}

type Picker = (moved: Tensor, kept: Tensor) => Tensor;

/** Takes `moved` of the features that train, else `kept`: of arrays whose rows are features. */
function picker({ tf, shape, trained }: Moving): Picker {
  if (trained === null) return (moved) => moved;
  const rows = tf.cast(tf.tensor(trained, [shape.dSae], 'int32'), 'bool');
  const columns = tf.reshape(rows, [-1, 1]);
  return (moved, kept) => tf.where(kept.shape.length === 2 ? columns : rows, moved, kept);
}

const mayMove = ({ trained }: Moving, name: ParameterName): boolean => trained === null || !SHARED.includes(name);

/** Zero wherever nothing trains. */
export function freeze(moving: Moving, gradient: ParameterTensors): ParameterTensors {
  const pick = picker(moving);
  return forEachParameter(moving.shape, (name) => {
    const zeros = moving.tf.zerosLike(gradient[name]);
    return mayMove(moving, name) ? pick(gradient[name], zeros) : zeros;
  });
}

/** g_j ← g_j − (g_j·ŵ_j) ŵ_j on the rows of W_dec. */
export function project({ tf, parameters }: Moving, gradient: ParameterTensors): ParameterTensors {
  const { decoder } = parameters;
  const along = tf.sum(tf.mul(decoder, gradient.decoder), 1);
  const share = tf.divNoNan(along, tf.sum(tf.square(decoder), 1));
  return { ...gradient, decoder: tf.sub(gradient.decoder, tf.mul(decoder, tf.reshape(share, [-1, 1]))) };
}

/** ‖g‖₂ over all parameters. */
export function gradientNorm({ tf, shape }: Moving, gradient: ParameterTensors): number {
  const squares = namesOf(shape).map((name) => floatsOf(tf.sum(tf.square(gradient[name])))[0]!);
  return Math.sqrt(squares.reduce((total, square) => total + square, 0));
}

/** One step of Adam. @param clip what the gradient is multiplied by @param steps taken before this one */
export function step(
  moving: Moving,
  gradient: ParameterTensors,
  { learningRate, beta1, beta2, epsilon }: StepSettings,
  clip: number,
  steps: number,
): void {
  const { tf, shape, parameters, first, second } = moving;
  const pick = picker(moving);
  const stepSize = learningRate / (1 - beta1 ** (steps + 1));
  const correction = 1 - beta2 ** (steps + 1);
  for (const name of namesOf(shape).filter((each) => mayMove(moving, each))) {
    const raw = clip === 1 ? gradient[name] : tf.mul(gradient[name], clip);
    const m = tf.add(tf.mul(first[name], beta1), tf.mul(raw, 1 - beta1));
    const v = tf.add(tf.mul(second[name], beta2), tf.mul(tf.square(raw), 1 - beta2));
    const change = tf.div(tf.mul(m, stepSize), tf.add(tf.sqrt(tf.div(v, correction)), epsilon));
    const values = tf.sub(parameters[name], change);
    parameters[name].assign(pick(values, parameters[name]));
    first[name].assign(pick(m, first[name]));
    second[name].assign(pick(v, second[name]));
  }
}

/** 1 of features that ever had a gradient, [d_sae]. */
function everMoved({ tf, shape, first, second }: Moving): Tensor {
  return namesOf(shape)
    .filter((name) => !SHARED.includes(name))
    .flatMap((name) => [first[name], second[name]])
    .map((moment) => {
      const moved = tf.notEqual(moment, 0);
      return moved.shape.length === 2 ? tf.any(moved, 1) : moved;
    })
    .reduce((all, each) => tf.logicalOr(all, each));
}

/** W_dec[j] ← W_dec[j]/u_j of every feature that trains and ever had a gradient: what never moved keeps its bits. */
export function renormalise(moving: Moving): void {
  const { tf, parameters } = moving;
  const { decoder } = parameters;
  const norms = tf.sqrt(tf.sum(tf.square(decoder), 1));
  const moves = tf.reshape(tf.logicalAnd(everMoved(moving), tf.greater(norms, 0)), [-1, 1]);
  const unit = tf.where(moves, tf.div(decoder, tf.reshape(norms, [-1, 1])), decoder);
  decoder.assign(picker(moving)(unit, decoder));
}
