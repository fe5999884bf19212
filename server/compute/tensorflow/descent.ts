/** The gradient of Σ_i w_i recon_i + w'_i sparsity_i and of the auxiliary loss, by tfjs's autograd. */
import type { Scalar, Tensor } from '@tensorflow/tfjs-core';
import type { TokenWeights } from '../engine.ts';
import { auxK, gateLoss, type DeadLatents } from './auxiliary.ts';
import { forwardPass, preActivations, type Batch, type PreActivations, type VariableModel } from './pass.ts';
import { forEachParameter, namesOf, type ParameterTensors } from './tensors.ts';

export interface ForwardedBatch extends Batch {
  /** What `choose` gave, [tokens, d_sae]. */
  readonly chosen: Tensor;
}

export interface Descent {
  /** Raw, under the names of the parameters. */
  readonly gradient: ParameterTensors;
  readonly auxiliaryLoss: number;
}

function weighed({ tf }: VariableModel, losses: Tensor, weights: Float64Array): Tensor {
  return tf.sum(tf.mul(losses, tf.tensor(Float32Array.from(weights))));
}

/** The loss of the model's own kind, or AuxK; null where there is none. */
function auxiliaryOf(
  model: VariableModel,
  batch: ForwardedBatch,
  given: PreActivations,
  latents: DeadLatents | null,
  constants: Pick<ParameterTensors, 'decoder' | 'decoderBias'>,
): Tensor | null {
  const { architecture } = model.shape;
  if (architecture.kind === 'gated')
    return gateLoss(model, given, batch, architecture.variant === 'paper' ? constants : model.parameters);
  return latents === null ? null : auxK(model, given, latents);
}

/**
 * @param latents of AuxK; null: without
 * @param slopes g of Σ_i g_i·x̂_i, [tokens, d_out]; null: without. Call it within a scope.
 */
export function descend(
  model: VariableModel,
  batch: ForwardedBatch,
  weights: TokenWeights,
  latents: DeadLatents | null,
  slopes: Tensor | null,
): Descent {
  const { tf, shape, parameters } = model;
  let auxiliaryLoss = 0;
  const constants = { decoder: tf.clone(parameters.decoder), decoderBias: tf.clone(parameters.decoderBias) };
  const loss = (): Scalar => {
    const given = preActivations(model, batch.x);
    const { residual, reconstruction, sparsity } = forwardPass(model, batch, given, batch.chosen);
    let total = weighed(model, reconstruction, weights.reconstruction);
    if (sparsity !== null) total = tf.add(total, weighed(model, sparsity, weights.sparsity));
    // What is not x̂ in x̂ − y is constant.
    if (slopes !== null) total = tf.add(total, tf.sum(tf.mul(slopes, residual)));
    const auxiliary = auxiliaryOf(model, batch, given, latents, constants);
    if (auxiliary !== null) {
      auxiliaryLoss = auxiliary.dataSync()[0]!;
      total = tf.add(total, auxiliary);
    }
    return total as Scalar;
  };
  const { grads } = tf.variableGrads(
    loss,
    namesOf(shape).map((name) => parameters[name]),
  );
  return {
    gradient: forEachParameter(shape, (name) => grads[parameters[name].name] ?? tf.zerosLike(parameters[name])),
    auxiliaryLoss,
  };
}
