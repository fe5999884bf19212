/** What follows from the parameters alone: the facts of every feature (see `formulas.ts`). */
import { reads, totalOf, writes, type Kernel } from '../kernel.ts';

/** u_j = ‖W_dec[j]‖ of a tile's features into the facts' first number. */
export const NORMS = {
  name: 'norms',
  bindings: { decoder: reads('f32'), facts: writes('vec4f') },
  settings: { first: 'u32', count: 'u32', width: 'u32' },
  threads: 64,
  declarations: totalOf(64),
  main: `
  if (group >= settings.count) { return; }
  var square = 0.0;
  for (var i = local; i < settings.width; i += 64u) {
    let w = decoder[group * settings.width + i];
    square += w * w;
  }
  let sum = total(local, square);
  if (local == 0u) { facts[settings.first + group].x = sqrt(sum); }`,
} as const satisfies Kernel;

export type FactsOf = 'nothing' | 'jumprelu' | 'gated';

/** The facts but for the norms, which are 1; θ counts as max(θ, 0). `clamps`: it is set to that, as each forward pass of training does. */
export function factsKernel(of: FactsOf) {
  const jumpRelu = `
  let threshold = max(second[j], 0.0);
  if (settings.clamps != 0u) { second[j] = threshold; }
  facts[j] = vec4f(1.0, threshold, 0.0, 0.0);`;
  const gated = 'facts[j] = vec4f(1.0, exp(second[j]), encoderBias[j], magnitudeBias[j]);';
  return {
    name: `facts of ${of}`,
    bindings: {
      encoderBias: reads('f32'),
      second: writes('f32'),
      magnitudeBias: reads('f32'),
      facts: writes('vec4f'),
    },
    settings: { count: 'u32', clamps: 'u32' },
    threads: 64,
    main: `
  let j = group * 64u + local;
  if (j >= settings.count) { return; }
  ${of === 'jumprelu' ? jumpRelu : of === 'gated' ? gated : 'facts[j] = vec4f(1.0, 0.0, 0.0, 0.0);'}`,
  } as const satisfies Kernel;
}
