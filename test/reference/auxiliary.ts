/** The two auxiliary losses: AuxK (2406.04093) over dead latents, and the gated dictionary's own (2404.16014). */
import type { AuxiliaryLoss } from '../../server/compute/engine.ts';
import { selectable } from './activation.ts';
import { decodePrefix, errorsOf, skipped, undoRescaling, type Pass } from './forward.ts';
import { addToEncoder } from './gradient.ts';
import { addTo, descending, dot, relu, rowOf, sum, type Matrix } from './matrices.ts';
import { decoderRows, skipRows, type ReferenceParameters } from './parameters.ts';

const throughPre = (slope: number): Parameters<typeof addToEncoder>[4] => ({
  ...{ projection: slope, bias: slope },
  ...{ threshold: 0, magnitudeScale: 0, magnitudeBias: 0 },
});

/** mean_i ‖row_i − mean row‖² */
export function varianceOf(rows: Matrix): number {
  const mean = new Float64Array(rows[0]!.length);
  for (const row of rows) addTo(mean, 1 / rows.length, row);
  return rows.reduce((total, row) => total + sum(row.map((value, i) => (value - mean[i]!) ** 2)), 0) / rows.length;
}

export interface DeadLatents {
  /** Which are dead, ascending. */
  readonly dead: readonly number[];
  readonly settings: AuxiliaryLoss;
  /** e, which is held constant. [tokens][d_out] */
  readonly errors: Matrix;
}

interface ChosenLatent {
  readonly feature: number;
  /** What multiplies W_dec[feature]. */
  readonly decoded: number;
}

/** Of every token the largest dead latents, compared as the features are: by pre·u where they are rescaled. */
function chooseLatents({ shape, norms, ...pass }: Pass, { dead, settings }: DeadLatents): ChosenLatent[][] {
  const k = Math.min(settings.k, dead.length);
  return selectable(shape, { norms, ...pass }).map((row) =>
    descending(Float64Array.from(dead, (j) => row[j]!))
      .slice(0, k)
      .map((at) => dead[at]!)
      .filter((j) => settings.form === 'saelens' || row[j]! > 0)
      .map((feature) => ({ feature, decoded: undoRescaling(shape, norms[feature]!, row[feature]!) })),
  );
}

/** What ‖e − ê‖² summed over tokens is multiplied by; 0 when it is to be divided by a variance of 0. */
function factorOf({ dead, settings, errors }: DeadLatents): number {
  const each = settings.coefficient / errors.length;
  switch (settings.form) {
    case 'plain':
      return each;
    case 'saelens':
      return each * Math.min(1, dead.length / settings.k);
    case 'normalised': {
      const variance = varianceOf(errors);
      return variance === 0 ? 0 : each / variance;
    }
  }
}

/** @returns the loss, and its gradient added to `gradient` unless that is null */
export function auxK(pass: Pass, latents: DeadLatents, gradient: ReferenceParameters | null): number {
  const { shape, parameters } = pass;
  if (latents.dead.length === 0) return 0;
  const factor = factorOf(latents);
  const decoder = decoderRows(shape, parameters);
  let loss = 0;
  chooseLatents(pass, latents).forEach((chosen, token) => {
    const difference = latents.errors[token]!.map((value) => -value);
    for (const { feature, decoded } of chosen) addTo(difference, decoded, decoder[feature]!);
    loss += factor * dot(difference, difference);
    if (gradient === null) return;
    for (const { feature, decoded } of chosen) {
      addToEncoder(pass, gradient, token, feature, throughPre(2 * factor * dot(difference, decoder[feature]!)));
      addTo(rowOf(gradient.decoder, shape.dOut, feature), 2 * factor * decoded, difference);
    }
  });
  return loss;
}

/**
 * mean_i ‖y_i − (relu(π_i + b_gate) W_dec + b_dec [+ x_i W_skip])‖². The paper holds W_dec, b_dec and W_skip constant there.
 * @returns the loss, and its gradient added to `gradient` unless that is null
 */
export function gateLoss(pass: Pass, gradient: ReferenceParameters | null): number {
  const { shape, parameters: p, pre, x, targets } = pass;
  const { architecture } = shape;
  if (architecture.kind !== 'gated') return 0;
  const gates = pre.map((row) => row.map(relu));
  const straight = skipped(shape, p, x);
  const decoder = decoderRows(shape, p);
  let loss = 0;
  decodePrefix(shape, p, gates, shape.dSae).forEach((output, token) => {
    const difference = output.map((value, i) => value + straight[token]![i]! - targets[token]![i]!);
    loss += dot(difference, difference) / x.length;
    if (gradient === null) return;
    const pull = difference.map((value) => (2 * value) / x.length);
    pre[token]!.forEach((value, j) => {
      if (value > 0) addToEncoder(pass, gradient, token, j, throughPre(dot(pull, decoder[j]!)));
    });
    if (architecture.variant === 'paper') return;
    gates[token]!.forEach((value, j) => {
      addTo(rowOf(gradient.decoder, shape.dOut, j), value, pull);
    });
    addTo(gradient.decoderBias, 1, pull);
    skipRows(shape, gradient).forEach((row, i) => {
      addTo(row, pull[i]!, x[token]!);
    });
  });
  return loss;
}

/** Which latents AuxK takes as dead. @param before [d_sae] tokens since a feature fired, without this batch @param after with it */
export function deadLatents(
  pass: Pass,
  settings: AuxiliaryLoss,
  before: Float64Array,
  after: Float64Array,
): DeadLatents {
  const silent = settings.form === 'saelens' ? before : after;
  const dead = [...silent.keys()].filter((j) => silent[j]! >= settings.deadAfterTokens);
  return { dead, settings, errors: errorsOf(pass) };
}
