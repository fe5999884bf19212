/** From pre-activations to rows of features: which are kept, how many a token has, where its row starts, the row in order. */
import { reads, scanOf, writes, type Kernel } from '../kernel.ts';
import type { Formulas } from './formulas.ts';

/** Keys order as the floats do. */
export const KEY_OF = `
fn keyOf(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}`;

/** What is ranked: a token's features, or the dead ones alone (`list` holds how many, then which). */
export type RankOf = 'features' | 'dead' | 'dead of any sign';

/**
 * Per token the key of its k-th largest positive value, how many equal to it are kept, and how many are kept in all (radix selection,
 * eight bits at a time; counts are integers, so that their order does not matter).
 */
export function rankKernel(of: RankOf) {
  const isListed = of !== 'features';
  return {
    name: `rank of ${of}`,
    bindings: { products: reads('f32'), list: reads('u32'), cuts: writes('vec2u'), counts: writes('u32') },
    settings: { tokens: 'u32', columns: 'u32', stride: 'u32', k: 'u32' },
    threads: 256,
    declarations: `${KEY_OF}
var<workgroup> bins: array<atomic<u32>, 256>;
var<workgroup> candidates: atomic<u32>;
var<workgroup> prefix: u32;
var<workgroup> wanted: u32;`,
    main: `
  if (group >= settings.tokens) { return; }
  let columns = ${isListed ? 'list[0]' : 'settings.columns'};
  let k = min(settings.k, columns);
  if (local == 0u) {
    prefix = 0u;
    wanted = k;
    atomicStore(&candidates, 0u);
  }
  for (var shift = 24i; shift >= 0i; shift -= 8i) {
    atomicStore(&bins[local], 0u);
    let known = workgroupUniformLoad(&prefix);
    for (var j = local; j < columns; j += 256u) {
      let value = products[group * settings.stride + j];
      if (${of === 'dead of any sign' ? 'true' : 'value > 0.0'}) {
        let key = keyOf(value);
        if (shift == 24i) { atomicAdd(&candidates, 1u); }
        if (shift == 24i || (key >> u32(shift + 8i)) == (known >> u32(shift + 8i))) {
          atomicAdd(&bins[(key >> u32(shift)) & 255u], 1u);
        }
      }
    }
    workgroupBarrier();
    if (local == 0u) {
      var bin = 255u;
      loop {
        let count = atomicLoad(&bins[bin]);
        if (count >= wanted || bin == 0u) { break; }
        wanted -= count;
        bin--;
      }
      prefix = known | (bin << u32(shift));
    }
    workgroupBarrier();
  }
  if (local != 0u) { return; }
  let found = atomicLoad(&candidates);
  counts[group] = min(k, found);
  // Few enough: all that are above the key of the smallest candidate there can be.
  cuts[group] = select(vec2u(prefix, wanted), vec2u(${of === 'dead of any sign' ? '0u' : 'keyOf(0.0)'}, 0u), found <= k);`,
  } as const satisfies Kernel;
}

/** Whether a feature is kept without a rank, and the value that its row holds. */
function keptOf(formulas: Formulas, trains: boolean): { readonly test: string; readonly value: string } {
  if (formulas.name.startsWith('jumprelu') && trains)
    return { test: 'seen > facts[j].y - settings.window', value: 'seen' };
  if (formulas.name.startsWith('jumprelu')) return { test: 'seen > facts[j].y', value: 'seen' };
  if (formulas.name.startsWith('gated') && !trains)
    return { test: 'seen > 0.0 && activation(seen, facts[j]) > 0.0', value: 'activation(seen, facts[j])' };
  return { test: 'seen > settings.least', value: 'seen' };
}

/** Per token how many features are kept where nothing ranks them. */
export function countKernel(formulas: Formulas, trains: boolean) {
  return {
    name: `count ${formulas.name} ${trains ? 'training' : 'inference'}`,
    bindings: { products: reads('f32'), facts: reads('vec4f'), counts: writes('u32') },
    settings: { tokens: 'u32', columns: 'u32', stride: 'u32', least: 'f32', window: 'f32' },
    threads: 256,
    declarations: `${formulas.wgsl}
var<workgroup> kept: atomic<u32>;`,
    main: `
  if (group >= settings.tokens) { return; }
  if (local == 0u) { atomicStore(&kept, 0u); }
  workgroupBarrier();
  var own = 0u;
  for (var j = local; j < settings.columns; j += 256u) {
    let seen = products[group * settings.stride + j];
    if (${keptOf(formulas, trains).test}) { own++; }
  }
  atomicAdd(&kept, own);
  workgroupBarrier();
  if (local == 0u) { counts[group] = atomicLoad(&kept); }`,
  } as const satisfies Kernel;
}

/** starts[first + t + 1] = starts[first + t] + counts[t]: a running sum in one workgroup. */
export const STARTS = {
  name: 'starts',
  bindings: { counts: reads('u32'), starts: writes('u32') },
  settings: { first: 'u32', count: 'u32' },
  threads: 256,
  declarations: scanOf(256),
  main: `
  let share = (settings.count + 255u) / 256u;
  let begin = min(settings.count, local * share);
  let end = min(settings.count, begin + share);
  var own = 0u;
  for (var t = begin; t < end; t++) { own += counts[t]; }
  var at = starts[settings.first] + before(local, own);
  for (var t = begin; t < end; t++) {
    at += counts[t];
    starts[settings.first + t + 1u] = at;
  }`,
} as const satisfies Kernel;

/**
 * Writes a token's row, features ascending; ties of a rank go to the lower feature. Each thread takes a run of neighbouring features.
 * Nothing is written beyond `room`.
 */
function placeKernel(name: string, declarations: string, columns: string, body: { count: string; place: string }) {
  return {
    name,
    bindings: {
      products: reads('f32'),
      ...{ facts: reads('vec4f'), cuts: reads('vec2u'), list: reads('u32'), starts: reads('u32') },
      ...{ features: writes('u32'), values: writes('f32') },
    },
    settings: {
      ...({ firstToken: 'u32', tokens: 'u32', columns: 'u32', stride: 'u32' } as const),
      ...({ least: 'f32', window: 'f32', room: 'u32' } as const),
    },
    threads: 256,
    declarations: declarations + scanOf(256),
    main: `
  if (group >= settings.tokens) { return; }
  let columns = ${columns};
  let share = (columns + 255u) / 256u;
  let begin = min(columns, local * share);
  let end = min(columns, begin + share);
  let row = group * settings.stride;
  let start = starts[settings.firstToken + group];
${body.count}
  for (var j = begin; j < end; j++) {
    let seen = products[row + j];
${body.place}
  }`,
  } as const satisfies Kernel;
}

export function placeKeptKernel(formulas: Formulas, trains: boolean) {
  const { test, value } = keptOf(formulas, trains);
  return placeKernel(`place ${formulas.name} ${trains ? 'training' : 'inference'}`, formulas.wgsl, 'settings.columns', {
    count: `
  var own = 0u;
  for (var j = begin; j < end; j++) {
    let seen = products[row + j];
    if (${test}) { own++; }
  }
  var at = start + before(local, own);`,
    place: `
    if (!(${test})) { continue; }
    if (at < settings.room) {
      features[at] = j;
      values[at] = ${value};
    }
    at++;`,
  });
}

export function placeRankedKernel(of: RankOf) {
  const isCandidate = of === 'dead of any sign' ? 'true' : 'seen > 0.0';
  const isListed = of !== 'features';
  return placeKernel(`place ranked ${of}`, KEY_OF, isListed ? 'list[0]' : 'settings.columns', {
    count: `
  let cut = cuts[group];
  var above = 0u;
  var equal = 0u;
  for (var j = begin; j < end; j++) {
    let seen = products[row + j];
    let key = keyOf(seen);
    if (!(${isCandidate})) { continue; }
    above += select(0u, 1u, key > cut.x);
    equal += select(0u, 1u, key == cut.x);
  }
  var tie = before(local, equal);
  var at = start + before(local, above) + min(tie, cut.y);`,
    place: `
    if (!(${isCandidate})) { continue; }
    let key = keyOf(seen);
    let isTie = key == cut.x && tie < cut.y;
    if (key == cut.x) { tie++; }
    if (!(isTie || key > cut.x)) { continue; }
    if (at < settings.room) {
      features[at] = ${isListed ? 'list[1u + j]' : 'j'};
      values[at] = seen;
    }
    at++;`,
  });
}
