/** AuxK (2406.04093, appendix A.2): which latents are dead, and the weight of the auxiliary gradient. As `../../kernels/auxiliary.h`. */
import { reads, scanOf, totalOf, writes, type Kernel } from '../kernel.ts';

/** silent[j]: tokens since the feature last fired, this batch included; ends at 2³² − 1. */
export const SILENCE = {
  name: 'silence',
  bindings: {
    ...{ featureStarts: reads('u32'), byFeature: reads('vec2u'), decodedValues: reads('f32') },
    ...{ sinceFired: reads('u32'), silent: writes('u32') },
  },
  settings: { features: 'u32', tokens: 'u32' },
  threads: 64,
  main: `
  let j = group * 64u + local;
  if (j >= settings.features) { return; }
  var fired = false;
  for (var at = featureStarts[j]; at < featureStarts[j + 1u] && !fired; at++) {
    fired = decodedValues[byFeature[at].x] > 0.0;
  }
  let since = sinceFired[j];
  silent[j] = select(since + min(settings.tokens, 0xffffffffu - since), 0u, fired);`,
} as const satisfies Kernel;

/** list: how many features are silent for at least the window, then which, ascending. */
export const LIST_DEAD = {
  name: 'list dead',
  bindings: { silent: reads('u32'), list: writes('u32') },
  settings: { features: 'u32', window: 'u32' },
  threads: 256,
  declarations: scanOf(256),
  main: `
  let share = (settings.features + 255u) / 256u;
  let begin = min(settings.features, local * share);
  let end = min(settings.features, begin + share);
  var own = 0u;
  for (var j = begin; j < end; j++) { own += select(0u, 1u, silent[j] >= settings.window); }
  var at = before(local, own);
  if (local == 255u) { list[0] = at + own; }
  for (var j = begin; j < end; j++) {
    if (silent[j] < settings.window) { continue; }
    at++;
    list[at] = j;
  }`,
} as const satisfies Kernel;

/** variances[i] = Σ over tokens of (r_i − r̄_i)². */
export const VARIANCE = {
  name: 'variance',
  bindings: { residuals: reads('f32'), variances: writes('f32') },
  settings: { tokens: 'u32', width: 'u32' },
  threads: 64,
  declarations: totalOf(64),
  main: `
  if (group >= settings.width) { return; }
  var sum = 0.0;
  for (var token = local; token < settings.tokens; token += 64u) { sum += residuals[token * settings.width + group]; }
  let mean = total(local, sum) / f32(settings.tokens);
  var square = 0.0;
  for (var token = local; token < settings.tokens; token += 64u) {
    let difference = residuals[token * settings.width + group] - mean;
    square += difference * difference;
  }
  let variance = total(local, square);
  if (local == 0u) { variances[group] = variance; }`,
} as const satisfies Kernel;

/** As `AuxiliaryLoss['form']`. */
export const FORMS = ['plain', 'normalised', 'saelens'] as const;

/** weights: (twice the loss's factor, 0) for every token; control[2]: the loss. */
export const WEIGH_AUXILIARY = {
  name: 'weigh auxiliary',
  bindings: {
    ...{ list: reads('u32'), squares: reads('f32'), variances: reads('f32') },
    ...{ weights: writes('vec2f'), control: writes('f32') },
  },
  settings: { tokens: 'u32', width: 'u32', form: 'u32', k: 'u32', coefficient: 'f32' },
  threads: 256,
  declarations: totalOf(256),
  main: `
  var own = 0.0;
  for (var token = local; token < settings.tokens; token += 256u) { own += squares[token]; }
  let square = total(local, own);
  own = 0.0;
  for (var i = local; i < settings.width; i += 256u) { own += variances[i]; }
  let variance = total(local, own);
  var divisor = f32(settings.tokens);
  if (settings.form == 1u) { divisor = variance; }
  var scale = settings.coefficient;
  if (settings.form == 2u) { scale *= min(1.0, f32(list[0]) / f32(settings.k)); }
  var factor = 0.0;
  if (divisor > 0.0 && list[0] > 0u) { factor = scale / divisor; }
  for (var token = local; token < settings.tokens; token += 256u) { weights[token] = vec2f(2.0 * factor, 0.0); }
  if (local == 0u) { control[2] = factor * square; }`,
} as const satisfies Kernel;
