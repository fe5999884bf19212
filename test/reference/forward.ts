/** The forward pass, dense: every token and every feature, in float64. */
import type { EngineShape, ForwardSettings } from '../../server/compute/engine.ts';
import { activate, isRescaled, penaltyOf, type Cell, type PreActivations } from './activation.ts';
import { addTo, dot, normOf, rowsOf, type Matrix } from './matrices.ts';
import { decoderRows, encoderRows, skipRows, type ReferenceParameters } from './parameters.ts';

/** What `backward` needs of a forward pass. */
export interface Pass extends PreActivations {
  readonly shape: EngineShape;
  readonly parameters: ReferenceParameters;
  readonly sparsityCoefficient: number;
  /** [tokens][d_in] */
  readonly x: Matrix;
  /** x, or x − b_dec. [tokens][d_in] */
  readonly z: Matrix;
  /** y, [tokens][d_out] */
  readonly targets: Matrix;
  /** f, [tokens][d_sae] */
  readonly features: Matrix;
  /** What multiplies W_dec: f, or f/u of rescaled dictionaries. [tokens][d_sae] */
  readonly decoded: Matrix;
  /** Ascending; [d_sae] but for matryoshka. */
  readonly widths: readonly number[];
  /** x̂⁽ᵐ⁾ − y of every width, each [tokens][d_out]. */
  readonly residuals: readonly Matrix[];
  /** [tokens] */
  readonly reconstruction: Float64Array;
  /** [tokens] */
  readonly sparsity: Float64Array;
}

export function preActivations(
  shape: EngineShape,
  p: ReferenceParameters,
  x: Matrix,
): PreActivations & { readonly z: Matrix } {
  const encoder = encoderRows(shape, p);
  const z = shape.applyDecoderBiasToInput ? x.map((row) => row.map((value, i) => value - p.decoderBias[i]!)) : x;
  const projection = z.map((row) => Float64Array.from(encoder, (weights) => dot(row, weights)));
  return {
    z,
    projection,
    pre: projection.map((row) => row.map((value, j) => value + p.encoderBias[j]!)),
    norms: Float64Array.from(decoderRows(shape, p), normOf),
  };
}

/** What multiplies W_dec of a feature: f, or f/u of rescaled dictionaries, 0 where f is. */
export function undoRescaling({ architecture }: EngineShape, norm: number, value: number): number {
  return isRescaled(architecture) && value !== 0 ? value / norm : value;
}

/** decoded[:width] W_dec[:width] + b_dec, [tokens][d_out] */
export function decodePrefix(shape: EngineShape, p: ReferenceParameters, decoded: Matrix, width: number): Matrix {
  const decoder = decoderRows(shape, p);
  return decoded.map((row) => {
    const output = p.decoderBias.slice();
    for (let j = 0; j < width; j++) addTo(output, row[j]!, decoder[j]!);
    return output;
  });
}

/** x W_skip, [tokens][d_out]; zeros where there is none */
export function skipped(shape: EngineShape, p: ReferenceParameters, x: Matrix): Matrix {
  const skip = skipRows(shape, p);
  return x.map((row) =>
    skip.length === 0 ? new Float64Array(shape.dOut) : Float64Array.from(skip, (w) => dot(row, w)),
  );
}

export function cellOf(pass: Pass, token: number, feature: number): Cell {
  const { threshold, magnitudeScale } = pass.parameters;
  return {
    projection: pass.projection[token]![feature]!,
    pre: pass.pre[token]![feature]!,
    feature: pass.features[token]![feature]!,
    norm: pass.norms[feature]!,
    threshold: threshold?.[feature] ?? 0,
    magnitude: Math.exp(magnitudeScale?.[feature] ?? 0),
  };
}

/** @param p with θ ≥ 0 @param batch [tokens, d_in] */
export function forwardPass(
  shape: EngineShape,
  p: ReferenceParameters,
  batch: ArrayLike<number>,
  settings: ForwardSettings,
): Pass {
  const x = rowsOf(Float64Array.from(batch), shape.dIn);
  const targets = rowsOf(Float64Array.from(settings.targets ?? batch), shape.dOut);
  const given = preActivations(shape, p, x);
  const features = activate(shape, p, given);
  const decoded = features.map((row) => row.map((value, j) => undoRescaling(shape, given.norms[j]!, value)));
  const straight = skipped(shape, p, x);
  const widths = settings.widths === undefined || settings.widths.length === 0 ? [shape.dSae] : settings.widths;
  const residuals = widths.map((width) =>
    decodePrefix(shape, p, decoded, width).map((row, token) =>
      row.map((value, i) => value + straight[token]![i]! - targets[token]![i]!),
    ),
  );
  const pass = {
    ...{ shape, parameters: p, sparsityCoefficient: settings.sparsityCoefficient },
    ...{ x, targets, ...given, features, decoded, widths, residuals },
    reconstruction: Float64Array.from(x, (_, token) =>
      residuals.reduce((total, level) => total + dot(level[token]!, level[token]!), 0),
    ),
    sparsity: new Float64Array(x.length),
  };
  for (let token = 0; token < x.length; token++)
    for (let j = 0; j < shape.dSae; j++)
      pass.sparsity[token]! +=
        settings.sparsityCoefficient * penaltyOf(shape.architecture, cellOf(pass, token, j)).value;
  return pass;
}

/** e = y − x̂ of the widest reconstruction, [tokens][d_out] */
export function errorsOf(pass: Pass): Matrix {
  return pass.residuals.at(-1)!.map((row) => row.map((value) => -value));
}
