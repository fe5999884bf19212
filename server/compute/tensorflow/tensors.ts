import type { Tensor, Variable } from '@tensorflow/tfjs-core';
import {
  buildParameters,
  parameterLengths,
  type DictionaryParameters,
  type EngineShape,
  type ParameterName,
} from '../engine.ts';
import type { Tf } from './backend.ts';

/** The arrays of a dictionary as tensors: encoder [d_sae, d_in], decoder [d_sae, d_out], skip [d_out, d_in], the others [length]. */
export type ParameterTensors<T extends Tensor = Tensor> = { readonly [Name in ParameterName]: T };

/** Parameters that belong to no feature; the rows of all others are features. */
export const SHARED: readonly ParameterName[] = ['decoderBias', 'skip'];

export const namesOf = (shape: EngineShape): ParameterName[] => parameterLengths(shape).map(([name]) => name);

function dimensionsOf({ dIn, dOut, dSae }: EngineShape, name: ParameterName, length: number): number[] {
  switch (name) {
    case 'encoder':
      return [dSae, dIn];
    case 'decoder':
      return [dSae, dOut];
    case 'skip':
      return [dOut, dIn];
    case 'encoderBias':
    case 'decoderBias':
    case 'threshold':
    case 'magnitudeScale':
    case 'magnitudeBias':
      return [length];
  }
}

/** Something for each array of the shape. Where the shape has no such array, there is nothing under its name. */
export function forEachParameter<T extends Tensor>(
  shape: EngineShape,
  make: (name: ParameterName) => T,
): ParameterTensors<T> {
  return Object.fromEntries(namesOf(shape).map((name) => [name, make(name)])) as unknown as ParameterTensors<T>;
}

/** Variables with copies of the arrays; null: zeros. */
export function variablesOf(
  tf: Tf,
  shape: EngineShape,
  given: DictionaryParameters | null,
): ParameterTensors<Variable> {
  const lengths = new Map(parameterLengths(shape));
  return forEachParameter(shape, (name) => {
    const length = lengths.get(name)!;
    // tfjs's CPU backend keeps the very array that it is given.
    const values = given === null ? new Float32Array(length) : given[name]!.slice();
    return tf.tidy(() => tf.variable(tf.tensor(values, dimensionsOf(shape, name, length), 'float32')));
  });
}

/** Runs `work` and frees the tensors it made, but for those that it keeps (`tf.keep`). */
export function scoped<T>(tf: Tf, work: () => T): T {
  let result: { readonly value: T } | undefined;
  tf.tidy(() => {
    result = { value: work() };
  });
  return result!.value;
}

/** Copies, owned by the caller. */
export function download(shape: EngineShape, tensors: ParameterTensors): DictionaryParameters {
  return buildParameters(shape, (name) => floatsOf(tensors[name]).slice());
}

/** The values themselves on tfjs's CPU backend: not to be written to. */
export function floatsOf(tensor: Tensor): Float32Array {
  return tensor.dataSync<'float32'>();
}
