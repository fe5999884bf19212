import {
  parameterLengths,
  type DictionaryParameters,
  type EngineShape,
  type ParameterName,
} from '../../server/compute/engine.ts';
import { rowsOf, type Matrix } from './matrices.ts';

/** The arrays of a dictionary in float64, laid out as `DictionaryParameters`. */
export type ReferenceParameters = { readonly [Name in keyof DictionaryParameters]: Float64Array };

export const namesOf = (shape: EngineShape): ParameterName[] => parameterLengths(shape).map(([name]) => name);

function build(shape: EngineShape, make: (name: ParameterName, length: number) => Float64Array): ReferenceParameters {
  return Object.fromEntries(
    parameterLengths(shape).map(([name, length]) => [name, make(name, length)]),
  ) as unknown as ReferenceParameters;
}

export function zeroParameters(shape: EngineShape): ReferenceParameters {
  return build(shape, (_, length) => new Float64Array(length));
}

export function widen(shape: EngineShape, parameters: DictionaryParameters): ReferenceParameters {
  return build(shape, (name) => Float64Array.from(parameters[name]!));
}

export function narrow(shape: EngineShape, parameters: ReferenceParameters): DictionaryParameters {
  return Object.fromEntries(
    namesOf(shape).map((name) => [name, Float32Array.from(parameters[name]!)]),
  ) as unknown as DictionaryParameters;
}

/** [d_sae][d_in] */
export const encoderRows = (shape: EngineShape, p: ReferenceParameters): Matrix => rowsOf(p.encoder, shape.dIn);
/** [d_sae][d_out] */
export const decoderRows = (shape: EngineShape, p: ReferenceParameters): Matrix => rowsOf(p.decoder, shape.dOut);
/** [d_out][d_in], no rows where the shape has no skip */
export const skipRows = (shape: EngineShape, p: ReferenceParameters): Matrix =>
  p.skip === undefined ? [] : rowsOf(p.skip, shape.dIn);
