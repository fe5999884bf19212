/** Per (token, feature): r_i·W_dec[j], then δ and the penalty's and gate's own gradients. */
import { reads, writes, type Kernel } from '../kernel.ts';
import type { Formulas } from './formulas.ts';

/** pulls[entry] = r_i·W_dec[j], for features in [first, end). */
export const PULL = {
  name: 'pull',
  bindings: {
    ...{ starts: reads('u32'), features: reads('u32'), residuals: reads('f32'), decoder: reads('f32') },
    pulls: writes('f32'),
  },
  settings: { tokens: 'u32', first: 'u32', end: 'u32', tileFirst: 'u32', width: 'u32' },
  threads: 64,
  main: `
  if (group >= settings.tokens) { return; }
  for (var at = starts[group] + local; at < starts[group + 1u]; at += 64u) {
    let j = features[at];
    if (j < settings.first || j >= settings.end) { continue; }
    var sum = 0.0;
    for (var i = 0u; i < settings.width; i++) {
      sum = fma(residuals[group * settings.width + i], decoder[(j - settings.tileFirst) * settings.width + i], sum);
    }
    pulls[at] = sum;
  }`,
} as const satisfies Kernel;

/** Turns pulls into δ. extras: ∂b_enc, ∂θ or ∂r, ∂b_mag, and the pull along W_dec[j]. weights: (2 w_i, λ w'_i). */
export function driveKernel(formulas: Formulas) {
  return {
    name: `drive ${formulas.name}`,
    bindings: {
      ...{ starts: reads('u32'), features: reads('u32'), values: reads('f32'), facts: reads('vec4f') },
      ...{ weights: reads('vec2f'), gatePulls: reads('f32'), deltas: writes('f32'), extras: writes('vec4f') },
    },
    settings: { tokens: 'u32', width: 'f32', scale: 'f32', gateScale: 'f32' },
    threads: 64,
    declarations: formulas.wgsl,
    main: `
  if (group >= settings.tokens) { return; }
  let weight = weights[group];
  for (var at = starts[group] + local; at < starts[group + 1u]; at += 64u) {
    let gate = ${formulas.name.startsWith('gated') ? 'settings.gateScale * gatePulls[at]' : '0.0'};
    let driven = drive(values[at], weight.x * deltas[at], weight.y, gate, facts[features[at]], settings.width, settings.scale);
    deltas[at] = driven.delta;
    ${formulas.hasExtras ? 'extras[at] = vec4f(driven.encoderBias, driven.first, driven.second, driven.along);' : ''}
  }`,
  } as const satisfies Kernel;
}

/** Of the auxiliary rows: δ = 2 w r_i·W_dec[j]. */
export const WEIGH_PULLS = {
  name: 'weigh pulls',
  bindings: { starts: reads('u32'), weights: reads('vec2f'), deltas: writes('f32') },
  settings: { tokens: 'u32' },
  threads: 64,
  main: `
  if (group >= settings.tokens) { return; }
  for (var at = starts[group] + local; at < starts[group + 1u]; at += 64u) { deltas[at] *= weights[group].x; }`,
} as const satisfies Kernel;
