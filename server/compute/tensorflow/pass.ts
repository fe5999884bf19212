/** The forward pass, dense, as its formulas: autograd runs over the same functions that give the losses. */
import type { Tensor, Variable } from '@tensorflow/tfjs-core';
import type { EngineShape } from '../engine.ts';
import type { Tf } from './backend.ts';
import { largestOfAll, largestOfRows } from './selection.ts';
import { jumpRelu, rowNorms, step } from './slopes.ts';
import type { ParameterTensors } from './tensors.ts';

export interface Model {
  readonly tf: Tf;
  readonly shape: EngineShape;
  readonly parameters: ParameterTensors;
}

/** A model whose parameters can train. */
export interface VariableModel extends Model {
  readonly parameters: ParameterTensors<Variable>;
}

export interface Batch {
  /** [tokens, d_in] */
  readonly x: Tensor;
  /** y, [tokens, d_out] */
  readonly targets: Tensor;
  /** Ascending; [d_sae] but for matryoshka. */
  readonly widths: readonly number[];
  /** λ */
  readonly sparsityCoefficient: number;
}

export interface PreActivations {
  /** π = z W_enc, [tokens, d_sae] */
  readonly projection: Tensor;
  /** π + b_enc; of a gated dictionary π + b_gate. [tokens, d_sae] */
  readonly pre: Tensor;
  /** u, [d_sae] */
  readonly norms: Tensor;
}

export const isRescaled = ({ architecture }: EngineShape): boolean =>
  'rescaledByDecoderNorm' in architecture && architecture.rescaledByDecoderNorm;

/** With θ ≥ 0, as inference and training read it. */
export function preActivations({ tf, shape, parameters }: Model, x: Tensor): PreActivations {
  const z = shape.applyDecoderBiasToInput ? tf.sub(x, parameters.decoderBias) : x;
  const projection = tf.matMul(z, parameters.encoder, false, true);
  return {
    projection,
    pre: tf.add(projection, parameters.encoderBias),
    norms: rowNorms(tf, parameters.decoder),
  };
}

/** What selections compare: pre, or pre·u of rescaled dictionaries. [tokens, d_sae] */
export function selectable({ tf, shape }: Model, { pre, norms }: PreActivations): Tensor {
  return isRescaled(shape) ? tf.mul(pre, norms) : pre;
}

/** 1 where pre counts: what the architecture selects, or its gate; a constant to autograd. [tokens, d_sae] */
export function choose(model: Model, given: PreActivations): Tensor {
  const { tf, shape } = model;
  const { architecture } = shape;
  const positive = (values: Tensor): Tensor => tf.cast(tf.greater(values, 0), 'float32');
  const values = selectable(model, given);
  switch (architecture.kind) {
    case 'relu':
    case 'gated':
      return positive(values);
    case 'topk':
      return tf.mul(largestOfRows(tf, values, architecture.k), positive(values));
    case 'batchtopk':
    case 'matryoshka':
      return largestOfAll(tf, values, architecture.k * values.shape[0]);
    case 'jumprelu':
      return tf.cast(tf.greater(values, model.parameters.threshold), 'float32');
  }
}

export interface Activations {
  /** f, [tokens, d_sae] */
  readonly features: Tensor;
  /** What multiplies W_dec: f, or f/u of rescaled dictionaries, which is pre. [tokens, d_sae] */
  readonly decoded: Tensor;
}

/** @param chosen what `choose` gave */
export function activate({ tf, shape, parameters }: Model, given: PreActivations, chosen: Tensor): Activations {
  const { architecture } = shape;
  switch (architecture.kind) {
    case 'relu':
    case 'topk':
    case 'batchtopk':
    case 'matryoshka': {
      const decoded = tf.mul(given.pre, chosen);
      return { decoded, features: isRescaled(shape) ? tf.mul(decoded, given.norms) : decoded };
    }
    case 'jumprelu': {
      const features = jumpRelu(tf, architecture, given.pre, parameters.threshold);
      return { decoded: features, features };
    }
    case 'gated': {
      const scaled = tf.mul(given.projection, tf.exp(parameters.magnitudeScale));
      const features = tf.mul(tf.relu(tf.add(scaled, parameters.magnitudeBias)), chosen);
      return { decoded: features, features };
    }
  }
}

/** x̂⁽ᵐ⁾ − y of every width, each [tokens, d_out]. */
function residualsOf({ tf, shape, parameters }: Model, { x, targets, widths }: Batch, decoded: Tensor): Tensor[] {
  const tokens = x.shape[0];
  let output = tf.sub(parameters.decoderBias, targets);
  if (shape.skip) output = tf.add(output, tf.matMul(x, parameters.skip, false, true));
  let first = 0;
  return widths.map((width) => {
    const part = [width - first, shape.dOut] as const;
    const isWhole = part[0] === shape.dSae;
    const values = isWhole ? decoded : tf.slice(decoded, [0, first], [tokens, part[0]]);
    const rows = isWhole ? parameters.decoder : tf.slice(parameters.decoder, [first, 0], [...part]);
    output = tf.add(output, tf.matMul(values, rows));
    first = width;
    return output;
  });
}

/** Σ_j of the penalty's terms, without λ; [tokens], or null where the architecture has none. */
function penaltyOf({ tf, shape, parameters }: Model, { pre, norms }: PreActivations, f: Tensor): Tensor | null {
  const { architecture } = shape;
  switch (architecture.kind) {
    case 'topk':
    case 'batchtopk':
    case 'matryoshka':
      return null;
    case 'relu':
      return tf.sum(architecture.penalty === 'plain' ? f : tf.mul(f, norms), 1);
    case 'jumprelu': {
      const { penalty } = architecture;
      if (penalty.kind === 'step') return tf.sum(step(tf, architecture, pre, parameters.threshold), 1);
      return tf.sum(tf.tanh(tf.mul(tf.mul(f, norms), penalty.scale)), 1);
    }
    case 'gated': {
      const gates = tf.relu(pre);
      return tf.sum(architecture.variant === 'saelens' ? tf.mul(gates, norms) : gates, 1);
    }
  }
}

export interface Pass extends PreActivations, Activations {
  /** x̂ − y of the widest reconstruction, [tokens, d_out] */
  readonly residual: Tensor;
  /** [tokens] */
  readonly reconstruction: Tensor;
  /** [tokens] with λ in it, or null */
  readonly sparsity: Tensor | null;
}

/** @param chosen what `choose` gave of the same parameters and batch */
export function forwardPass(model: Model, batch: Batch, given: PreActivations, chosen: Tensor): Pass {
  const { tf } = model;
  const activations = activate(model, given, chosen);
  const residuals = residualsOf(model, batch, activations.decoded);
  const squares = residuals.map((residual) => tf.sum(tf.square(residual), 1));
  const penalty = penaltyOf(model, given, activations.features);
  return {
    ...{ ...given, ...activations, residual: residuals.at(-1)! },
    reconstruction: squares.reduce((total, each) => tf.add(total, each)),
    sparsity: penalty === null ? null : tf.mul(penalty, batch.sparsityCoefficient),
  };
}
