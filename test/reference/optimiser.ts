/** From a raw gradient to new parameters: projection, clipping, Adam (1412.6980), renormalisation. */
import type { EngineShape, ParameterName, StepSettings } from '../../server/compute/engine.ts';
import { addTo, dot, normOf, rowsOf, sum } from './matrices.ts';
import { decoderRows, namesOf, type ReferenceParameters } from './parameters.ts';

/** Every parameter with its moments; `steps` of Adam were taken. */
export interface Moving {
  readonly parameters: ReferenceParameters;
  readonly first: ReferenceParameters;
  readonly second: ReferenceParameters;
  readonly steps: number;
}

/** Only these features train ([d_sae] 1 or 0), no b_dec and no skip; null: everything. */
export type Trained = Uint8Array | null;

/** Parameters that belong to no feature. */
const SHARED: readonly ParameterName[] = ['decoderBias', 'skip'];

/** Whether entry `at` of a parameter may move. */
function mayMove(
  { dSae }: EngineShape,
  trained: Trained,
  name: ParameterName,
  length: number,
): (at: number) => boolean {
  if (trained === null) return () => true;
  if (SHARED.includes(name)) return () => false;
  return (at) => trained[Math.floor(at / (length / dSae))] === 1;
}

/** Zero gradient wherever nothing trains. */
export function freeze(shape: EngineShape, trained: Trained, gradient: ReferenceParameters): void {
  for (const name of namesOf(shape)) {
    const values = gradient[name]!;
    const moves = mayMove(shape, trained, name, values.length);
    values.forEach((_, at) => {
      if (!moves(at)) values[at] = 0;
    });
  }
}

/** g_j ← g_j − (g_j·ŵ_j) ŵ_j on the rows of W_dec. */
export function project(shape: EngineShape, parameters: ReferenceParameters, gradient: ReferenceParameters): void {
  const rows = decoderRows(shape, gradient);
  decoderRows(shape, parameters).forEach((row, j) => {
    const square = dot(row, row);
    if (square > 0) addTo(rows[j]!, -dot(row, rows[j]!) / square, row);
  });
}

/** ‖g‖₂ over all parameters. */
export function gradientNorm(shape: EngineShape, gradient: ReferenceParameters): number {
  return Math.sqrt(sum(Float64Array.from(namesOf(shape), (name) => dot(gradient[name]!, gradient[name]!))));
}

/** One step in place. @param norm of `gradient`, as `gradientNorm` */
export function step(
  shape: EngineShape,
  { parameters, first, second, steps }: Moving,
  gradient: ReferenceParameters,
  settings: StepSettings & { readonly norm: number; readonly trained: Trained },
): void {
  const { learningRate, beta1, beta2, epsilon, maxGradientNorm, norm, trained } = settings;
  const clip = maxGradientNorm === null ? 1 : Math.min(1, maxGradientNorm / (norm + 1e-6));
  const correction1 = 1 - beta1 ** (steps + 1);
  const correction2 = 1 - beta2 ** (steps + 1);
  for (const name of namesOf(shape)) {
    const [values, m, v] = [parameters[name]!, first[name]!, second[name]!];
    const moves = mayMove(shape, trained, name, values.length);
    gradient[name]!.forEach((raw, at) => {
      if (!moves(at)) return;
      m[at] = beta1 * m[at]! + (1 - beta1) * raw * clip;
      v[at] = beta2 * v[at]! + (1 - beta2) * (raw * clip) ** 2;
      values[at]! -= (learningRate * (m[at] / correction1)) / (Math.sqrt(v[at] / correction2) + epsilon);
    });
  }
}

/** W_dec[j] ← W_dec[j]/u_j of every feature that trains and ever had a gradient: what never moved keeps its bits. */
export function renormalise(shape: EngineShape, { parameters, first, second }: Moving, trained: Trained): void {
  const own = namesOf(shape).filter((name) => !SHARED.includes(name));
  const moments = own.flatMap((name) =>
    [first, second].map((moment) => rowsOf(moment[name]!, moment[name]!.length / shape.dSae)),
  );
  decoderRows(shape, parameters).forEach((row, j) => {
    const norm = normOf(row);
    const moves =
      (trained === null || trained[j] === 1) && moments.some((rows) => rows[j]!.some((value) => value !== 0));
    if (moves && norm > 0) row.forEach((value, i) => (row[i] = value / norm));
  });
}
