/**
 * Rows by token become lists by feature, tokens ascending. Tokens are cut into bands; a band's workgroup goes through its tokens one after
 * another, so that the order is always the same. cursors[band, j]: entries of feature j in the band, then where the band's begin.
 */
import { reads, scanOf, writes, type Kernel } from '../kernel.ts';

const eachToken = (body: string): string => `
  let begin = group * settings.bandTokens;
  for (var step = 0u; step < settings.bandTokens; step++) {
    let token = begin + step;
    if (token < settings.tokens) {
      for (var at = starts[token] + local; at < starts[token + 1u]; at += 64u) {
        let cursor = group * settings.features + features[at];
${body}
      }
    }
    storageBarrier();
  }`;

export const COUNT_BANDS = {
  name: 'count bands',
  bindings: { starts: reads('u32'), features: reads('u32'), cursors: writes('u32') },
  settings: { tokens: 'u32', bandTokens: 'u32', features: 'u32' },
  threads: 64,
  main: eachToken('cursors[cursor]++;'),
} as const satisfies Kernel;

/** Per feature the running sum over bands; counts[j]: all of its entries. */
export const SCAN_BANDS = {
  name: 'scan bands',
  bindings: { cursors: writes('u32'), counts: writes('u32') },
  settings: { bands: 'u32', features: 'u32' },
  threads: 64,
  main: `
  let j = group * 64u + local;
  if (j >= settings.features) { return; }
  var sum = 0u;
  for (var band = 0u; band < settings.bands; band++) {
    let own = cursors[band * settings.features + j];
    cursors[band * settings.features + j] = sum;
    sum += own;
  }
  counts[j] = sum;`,
} as const satisfies Kernel;

/** starts[j + 1] = starts[j] + counts[j] over all features, in one workgroup. */
export const FEATURE_STARTS = {
  name: 'feature starts',
  bindings: { counts: reads('u32'), featureStarts: writes('u32') },
  settings: { features: 'u32' },
  threads: 256,
  declarations: scanOf(256),
  main: `
  let share = (settings.features + 255u) / 256u;
  let begin = min(settings.features, local * share);
  let end = min(settings.features, begin + share);
  var own = 0u;
  for (var j = begin; j < end; j++) { own += counts[j]; }
  var at = before(local, own);
  for (var j = begin; j < end; j++) {
    featureStarts[j] = at;
    at += counts[j];
  }
  if (local == 255u) { featureStarts[settings.features] = at; }`,
} as const satisfies Kernel;

/** byFeature: (entry, token). */
export const FILL_LISTS = {
  name: 'fill lists',
  bindings: {
    ...{ starts: reads('u32'), features: reads('u32'), featureStarts: reads('u32') },
    ...{ cursors: writes('u32'), byFeature: writes('vec2u') },
  },
  settings: { tokens: 'u32', bandTokens: 'u32', features: 'u32' },
  threads: 64,
  main: eachToken(`
        byFeature[featureStarts[features[at]] + cursors[cursor]] = vec2u(at, token);
        cursors[cursor]++;`),
} as const satisfies Kernel;
