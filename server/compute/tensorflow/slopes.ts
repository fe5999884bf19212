/** Functions whose slope autograd does not know, or knows otherwise than the papers: their gradients are stated here. */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { EngineArchitecture } from '../engine.ts';
import type { Tf } from './backend.ts';

type Differentiable = (...inputs: Tensor[]) => Tensor;
type Save = (tensors: Tensor[]) => void;

/** @param slope of the inputs, from that of the value: tfjs's `customGrad`, whose types leave inputs and `save` in one list */
function withSlope(
  tf: Tf,
  value: Differentiable,
  slope: (by: Tensor, inputs: Tensor[]) => Tensor | Tensor[],
): Differentiable {
  return tf.customGrad((...given) => {
    const inputs = given.slice(0, -1) as Tensor[];
    (given.at(-1) as Save)(inputs);
    return { value: value(...inputs), gradFunc: slope };
  });
}

/** u_j = ‖W_dec[j]‖, [d_sae]; its slope is 0 where it is 0. */
export function rowNorms(tf: Tf, decoder: Tensor): Tensor {
  const norms = (rows: Tensor): Tensor => tf.sqrt(tf.sum(tf.square(rows), 1));
  return withSlope(tf, norms, (by, [rows]) => tf.mul(rows!, tf.reshape(tf.divNoNan(by, norms(rows!)), [-1, 1])))(
    decoder,
  );
}

type JumpRelu = EngineArchitecture & { readonly kind: 'jumprelu' };

const firing = (tf: Tf, pre: Tensor, threshold: Tensor): Tensor => tf.cast(tf.greater(pre, threshold), 'float32');

/** K((pre − θ)/ε), the rectangle. */
function kernel(tf: Tf, pre: Tensor, threshold: Tensor, bandwidth: number): Tensor {
  return tf.cast(tf.less(tf.abs(tf.div(tf.sub(pre, threshold), bandwidth)), 0.5), 'float32');
}

/** pre · 1[pre > θ] of [tokens, d_sae] and [d_sae], with slope −(θ/ε) K by θ (2407.14435, equation 11). */
export function jumpRelu(tf: Tf, architecture: JumpRelu, pre: Tensor, threshold: Tensor): Tensor {
  const { bandwidth, straightThroughToInput } = architecture;
  return withSlope(
    tf,
    (pre, threshold) => tf.mul(pre, firing(tf, pre, threshold)),
    (by, [pre, threshold]) => {
      const jump = tf.mul(kernel(tf, pre!, threshold!, bandwidth), tf.div(threshold!, bandwidth));
      const fires = firing(tf, pre!, threshold!);
      return [tf.mul(by, straightThroughToInput ? tf.add(fires, jump) : fires), tf.neg(tf.sum(tf.mul(by, jump), 0))];
    },
  )(pre, threshold);
}

/** 1[pre > θ], with slope −K/ε by θ (2407.14435, equation 12). */
export function step(tf: Tf, architecture: JumpRelu, pre: Tensor, threshold: Tensor): Tensor {
  const { bandwidth, straightThroughToInput } = architecture;
  return withSlope(
    tf,
    (pre, threshold) => firing(tf, pre, threshold),
    (by, [pre, threshold]) => {
      const slope = tf.mul(by, tf.div(kernel(tf, pre!, threshold!, bandwidth), bandwidth));
      return [straightThroughToInput ? slope : tf.zerosLike(slope), tf.neg(tf.sum(slope, 0))];
    },
  )(pre, threshold);
}
