/** From rows of features to x̂ − y and the losses. */
import { reads, totalOf, writes, type Kernel } from '../kernel.ts';
import type { Formulas } from './formulas.ts';

/**
 * residuals = b_dec − y, added to x W_skip where there is one. `origin`: 0 b_dec − y; 1 y is x and holds z = x − b_dec by now: −z;
 * 2 there is no y: b_dec.
 */
export const BEGIN_RESIDUALS = {
  name: 'begin residuals',
  bindings: { decoderBias: reads('f32'), targets: reads('f32'), residuals: writes('f32') },
  settings: { count: 'u32', width: 'u32', origin: 'u32', adds: 'u32' },
  threads: 64,
  main: `
  let i = group * 64u + local;
  if (i >= settings.count) { return; }
  var value = 0.0;
  if (settings.origin != 1u) { value += decoderBias[i % settings.width]; }
  if (settings.origin != 2u) { value -= targets[i]; }
  if (settings.adds != 0u) { value += residuals[i]; }
  residuals[i] = value;`,
} as const satisfies Kernel;

/** What multiplies W_dec, of every entry; per token its penalty (times `coefficient`) and how many features are active. */
export function activateKernel(formulas: Formulas) {
  return {
    name: `activate ${formulas.name}`,
    bindings: {
      ...{ starts: reads('u32'), features: reads('u32'), values: reads('f32'), facts: reads('vec4f') },
      ...{ decodedValues: writes('f32'), penalties: writes('vec2f') },
    },
    settings: { tokens: 'u32', coefficient: 'f32', scale: 'f32' },
    threads: 64,
    declarations: formulas.wgsl + totalOf(64, 'vec4f'),
    main: `
  if (group >= settings.tokens) { return; }
  var sums = vec4f();
  for (var at = starts[group] + local; at < starts[group + 1u]; at += 64u) {
    let fact = facts[features[at]];
    let f = decoded(values[at], fact);
    decodedValues[at] = f;
    sums += vec4f(penalty(values[at], fact, settings.scale), select(0.0, 1.0, f > 0.0), 0.0, 0.0);
  }
  let sum = total(local, sums);
  if (local == 0u) { penalties[group] = vec2f(settings.coefficient * sum.x, sum.y); }`,
  } as const satisfies Kernel;
}

/** values / u_j, of a rescaled dictionary's rows; 0 where W_dec[j] is. */
export const UNSCALE = {
  name: 'unscale',
  bindings: { features: reads('u32'), facts: reads('vec4f'), values: writes('f32') },
  settings: { count: 'u32' },
  threads: 64,
  main: `
  let at = group * 64u + local;
  if (at >= settings.count) { return; }
  let norm = facts[features[at]].x;
  values[at] = select(0.0, values[at] / norm, norm > 0.0);`,
} as const satisfies Kernel;

/** residuals += Σ over a row's features in [first, end) of value · W_dec[j]; a token a workgroup. */
export const RECONSTRUCT = {
  name: 'reconstruct',
  bindings: {
    ...{ starts: reads('u32'), features: reads('u32'), values: reads('f32'), decoder: reads('f32') },
    residuals: writes('f32'),
  },
  settings: { tokens: 'u32', first: 'u32', end: 'u32', tileFirst: 'u32', width: 'u32' },
  threads: 64,
  main: `
  if (group >= settings.tokens) { return; }
  let start = starts[group];
  let end = starts[group + 1u];
  for (var i = local; i < settings.width; i += 64u) {
    var sum = residuals[group * settings.width + i];
    for (var at = start; at < end; at++) {
      let j = features[at];
      if (j < settings.first || j >= settings.end) { continue; }
      sum = fma(values[at], decoder[(j - settings.tileFirst) * settings.width + i], sum);
    }
    residuals[group * settings.width + i] = sum;
  }`,
} as const satisfies Kernel;

/** squares[first + row] = or += ‖row‖². `touched`: only of features that are, whose rows begin with `first`. */
export function rowSquaresKernel(of: 'all' | 'touched') {
  return {
    name: `squares of ${of}`,
    bindings: { matrix: reads('f32'), touched: reads('u32'), squares: writes('f32') },
    settings: { rows: 'u32', first: 'u32', width: 'u32', adds: 'u32' },
    threads: 64,
    declarations: totalOf(64),
    main: `
  if (group >= settings.rows) { return; }
  ${of === 'touched' ? 'if (touched[settings.first + group] == 0u) { return; }' : ''}
  var square = 0.0;
  for (var i = local; i < settings.width; i += 64u) {
    let value = matrix[group * settings.width + i];
    square += value * value;
  }
  let sum = total(local, square);
  if (local != 0u) { return; }
  if (settings.adds != 0u) { squares[settings.first + group] += sum; } else { squares[settings.first + group] = sum; }`,
  } as const satisfies Kernel;
}

/** sum += added. */
export const ADD = {
  name: 'add',
  bindings: { added: reads('f32'), sum: writes('f32') },
  settings: { count: 'u32' },
  threads: 64,
  main: `
  let i = group * 64u + local;
  if (i < settings.count) { sum[i] += added[i]; }`,
} as const satisfies Kernel;
