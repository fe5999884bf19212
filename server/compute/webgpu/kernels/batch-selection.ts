/** BatchTopK (2412.06410): of the candidates that passed the cut, the k·B largest; equal values: the lower token, then the lower feature. */
import { reads, scanOf, writes, type Kernel } from '../kernel.ts';
import { KEY_OF } from './selection.ts';

/** Candidates that a workgroup of the histogram takes at least, and how many workgroups there are at most. */
const HISTOGRAM_SHARE = 4096;
const MAX_HISTOGRAM_GROUPS = 256;

/** Workgroups of the histogram of so many candidates. */
export function histogramGroups(candidates: number): number {
  return Math.min(MAX_HISTOGRAM_GROUPS, Math.ceil(candidates / HISTOGRAM_SHARE));
}

/** One more byte of the keys counted, of those that begin as the prefix found so far. choice: prefix, wanted left, found, smallest key. */
export const HISTOGRAM = {
  name: 'histogram of the batch',
  bindings: { starts: reads('u32'), values: reads('f32'), choice: reads('u32'), bins: writes('atomic<u32>') },
  settings: { tokens: 'u32', shift: 'u32', room: 'u32', groups: 'u32' },
  threads: 256,
  declarations: `${KEY_OF}
var<workgroup> own: array<atomic<u32>, 256>;`,
  main: `
  atomicStore(&own[local], 0u);
  workgroupBarrier();
  let count = min(settings.room, starts[settings.tokens]);
  for (var at = group * 256u + local; at < count; at += settings.groups * 256u) {
    let key = keyOf(values[at]);
    if (settings.shift == 24u || (key >> (settings.shift + 8u)) == (choice[0] >> (settings.shift + 8u))) {
      atomicAdd(&own[(key >> settings.shift) & 255u], 1u);
    }
    if (settings.shift == 0u) { atomicMin(&bins[256], key); }
  }
  workgroupBarrier();
  atomicAdd(&bins[local], atomicLoad(&own[local]));`,
} as const satisfies Kernel;

/** The byte of the wanted value's key. Leaves the bins empty. */
export const PICK = {
  name: 'pick of the batch',
  bindings: { starts: reads('u32'), bins: writes('u32'), choice: writes('u32') },
  settings: { tokens: 'u32', shift: 'u32', wanted: 'u32' },
  threads: 1,
  main: `
  if (settings.shift == 24u) {
    choice[0] = 0u;
    choice[1] = settings.wanted;
    bins[256] = 0xffffffffu;
  }
  var wanted = choice[1];
  var bin = 255u;
  loop {
    if (bins[bin] >= wanted || bin == 0u) { break; }
    wanted -= bins[bin];
    bin--;
  }
  choice[0] |= bin << settings.shift;
  choice[1] = wanted;
  for (var i = 0u; i < 256u; i++) { bins[i] = 0u; }
  if (settings.shift > 0u) { return; }
  choice[2] = starts[settings.tokens];
  choice[3] = bins[256];
  if (choice[2] <= settings.wanted) {
    choice[0] = 0u;
    choice[1] = 0u;
  } else {
    choice[3] = choice[0];
  }`,
} as const satisfies Kernel;

/** Per token how many candidates are above the chosen key, and equal to it. */
export const COUNT_CHOSEN = {
  name: 'count of the batch',
  bindings: { starts: reads('u32'), values: reads('f32'), choice: reads('u32'), shares: writes('vec2u') },
  settings: { tokens: 'u32', room: 'u32' },
  threads: 64,
  declarations: `${KEY_OF}
var<workgroup> above: atomic<u32>;
var<workgroup> equal: atomic<u32>;`,
  main: `
  if (group >= settings.tokens) { return; }
  if (local == 0u) {
    atomicStore(&above, 0u);
    atomicStore(&equal, 0u);
  }
  workgroupBarrier();
  for (var at = starts[group] + local; at < min(settings.room, starts[group + 1u]); at += 64u) {
    let key = keyOf(values[at]);
    if (key > choice[0]) { atomicAdd(&above, 1u); }
    if (key == choice[0]) { atomicAdd(&equal, 1u); }
  }
  workgroupBarrier();
  if (local == 0u) { shares[group] = vec2u(atomicLoad(&above), atomicLoad(&equal)); }`,
} as const satisfies Kernel;

/** Ties go to the lower tokens: shares become (row start, ties kept). */
export const SHARE_TIES = {
  name: 'ties of the batch',
  bindings: { choice: reads('u32'), shares: writes('vec2u'), starts: writes('u32') },
  settings: { tokens: 'u32' },
  threads: 1,
  main: `
  var ties = choice[1];
  var at = 0u;
  for (var t = 0u; t < settings.tokens; t++) {
    let share = shares[t];
    let kept = min(ties, share.y);
    ties -= kept;
    starts[t] = at;
    shares[t].y = kept;
    at += share.x + kept;
  }
  starts[settings.tokens] = at;`,
} as const satisfies Kernel;

export const KEEP_CHOSEN = {
  name: 'keep of the batch',
  bindings: {
    ...{ fromStarts: reads('u32'), fromFeatures: reads('u32'), fromValues: reads('f32'), choice: reads('u32') },
    ...{ shares: reads('vec2u'), starts: reads('u32'), features: writes('u32'), values: writes('f32') },
  },
  settings: { tokens: 'u32', room: 'u32' },
  threads: 64,
  declarations: KEY_OF + scanOf(64),
  main: `
  if (group >= settings.tokens) { return; }
  let first = min(settings.room, fromStarts[group]);
  let count = min(settings.room, fromStarts[group + 1u]) - first;
  let share = (count + 63u) / 64u;
  let begin = first + min(count, local * share);
  let end = first + min(count, (local + 1u) * share);
  let allowed = shares[group].y;
  var above = 0u;
  var equal = 0u;
  for (var i = begin; i < end; i++) {
    let key = keyOf(fromValues[i]);
    above += select(0u, 1u, key > choice[0]);
    equal += select(0u, 1u, key == choice[0]);
  }
  var tie = before(local, equal);
  var at = starts[group] + before(local, above) + min(tie, allowed);
  for (var i = begin; i < end; i++) {
    let key = keyOf(fromValues[i]);
    let isTie = key == choice[0] && tie < allowed;
    if (key == choice[0]) { tie++; }
    if (!(isTie || key > choice[0])) { continue; }
    features[at] = fromFeatures[i];
    values[at] = fromValues[i];
    at++;
  }`,
} as const satisfies Kernel;
