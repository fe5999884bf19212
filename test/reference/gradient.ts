/** The gradient of Σ_i w_i recon_i + w'_i sparsity_i: one (token, feature) after the other, by the chain rule. */
import type { TokenWeights } from '../../server/compute/engine.ts';
import { differentiate, penaltyOf, type CellGradient, type Penalty } from './activation.ts';
import { cellOf, type Pass } from './forward.ts';
import { addTo, dot, rowOf, sum, zeroMatrix, type Matrix } from './matrices.ts';
import { decoderRows, skipRows, zeroParameters, type ReferenceParameters } from './parameters.ts';

/** Adds what reaches the encoder of feature j by token i. */
export function addToEncoder(
  pass: Pass,
  gradient: ReferenceParameters,
  token: number,
  j: number,
  cell: CellGradient,
): void {
  const { shape, parameters, z } = pass;
  addTo(rowOf(gradient.encoder, shape.dIn, j), cell.projection, z[token]!);
  if (shape.applyDecoderBiasToInput)
    addTo(gradient.decoderBias, -cell.projection, rowOf(parameters.encoder, shape.dIn, j));
  gradient.encoderBias[j]! += cell.bias;
  if (gradient.threshold !== undefined) gradient.threshold[j]! += cell.threshold;
  if (gradient.magnitudeScale !== undefined) gradient.magnitudeScale[j]! += cell.magnitudeScale;
  if (gradient.magnitudeBias !== undefined) gradient.magnitudeBias[j]! += cell.magnitudeBias;
}

/** ∂/∂(what multiplies W_dec[j]) and ∂/∂(x̂) of every level's squared error, summed over the levels that have feature j. */
function pullsOf(pass: Pass, weights: TokenWeights): { byLevel: Matrix[]; levelsOf: (j: number) => Matrix } {
  const { residuals, widths, shape } = pass;
  const byLevel = residuals.map((level) =>
    level.map((row, token) => row.map((value) => 2 * weights.reconstruction[token]! * value)),
  );
  const cumulative = widths.map((_, first) =>
    byLevel
      .slice(first)
      .reduce<Matrix>(
        (total, level) => total.map((row, token) => row.map((value, i) => value + level[token]![i]!)),
        zeroMatrix(pass.x.length, shape.dOut),
      ),
  );
  return { byLevel, levelsOf: (j) => cumulative[widths.findIndex((width) => width > j)]! };
}

function scaled(penalty: Penalty, factor: number): Penalty {
  const { value, byFeature, byPre, byThreshold, byNorm } = penalty;
  return {
    ...{ value: value * factor, byFeature: byFeature * factor, byPre: byPre * factor },
    ...{ byThreshold: byThreshold * factor, byNorm: byNorm * factor },
  };
}

/** What does not pass through features: b_dec of every level, and the skip. */
function addToOutput(pass: Pass, gradient: ReferenceParameters, pulls: readonly Matrix[]): void {
  const skip = skipRows(pass.shape, gradient);
  for (const level of pulls)
    level.forEach((pull, token) => {
      addTo(gradient.decoderBias, 1, pull);
      skip.forEach((row, i) => {
        addTo(row, pull[i]!, pass.x[token]!);
      });
    });
}

/** Raw: before projection and clipping. */
export function lossGradient(pass: Pass, weights: TokenWeights): ReferenceParameters {
  const { shape, parameters, norms, sparsityCoefficient } = pass;
  const gradient = zeroParameters(shape);
  const { byLevel, levelsOf } = pullsOf(pass, weights);
  addToOutput(pass, gradient, byLevel);
  const [decoder, decoderGradient] = [decoderRows(shape, parameters), decoderRows(shape, gradient)];
  for (let j = 0; j < shape.dSae; j++) {
    const pulls = levelsOf(j);
    for (let token = 0; token < pass.x.length; token++) {
      const cell = cellOf(pass, token, j);
      const penalty = scaled(penaltyOf(shape.architecture, cell), sparsityCoefficient * weights.sparsity[token]!);
      const slope = dot(pulls[token]!, decoder[j]!) + penalty.byFeature;
      addToEncoder(pass, gradient, token, j, differentiate(shape.architecture, cell, slope, penalty));
      addTo(decoderGradient[j]!, pass.decoded[token]![j]!, pulls[token]!);
      if (norms[j]! > 0) addTo(decoderGradient[j]!, penalty.byNorm / norms[j]!, decoder[j]!);
    }
  }
  return gradient;
}

/** Σ_i w_i recon_i + w'_i sparsity_i */
export function lossOf({ reconstruction, sparsity }: Pass, weights: TokenWeights): number {
  return (
    sum(reconstruction.map((loss, i) => loss * weights.reconstruction[i]!)) +
    sum(sparsity.map((loss, i) => loss * weights.sparsity[i]!))
  );
}
