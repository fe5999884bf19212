/** Gradients of some features' rows, of the vectors, and of what belongs to no feature; their norm and the clip. */
import { reads, totalOf, writes, type Kernel } from '../kernel.ts';

/** Parts into which sums over features and tokens are cut, whatever the device: one order of addition. */
export const PARTS = 64;

/** Which features' gradients are needed: those with entries, and in an update those whose moments still move them. */
export const TOUCH = {
  name: 'touch',
  bindings: {
    ...{ featureStarts: reads('u32'), otherStarts: reads('u32'), moving: reads('u32'), trained: reads('u32') },
    touched: writes('u32'),
  },
  settings: { features: 'u32' },
  threads: 64,
  main: `
  let j = group * 64u + local;
  if (j >= settings.features) { return; }
  let isActive = featureStarts[j + 1u] > featureStarts[j] || otherStarts[j + 1u] > otherStarts[j];
  touched[j] = select(0u, 1u, trained[j] != 0u && (isActive || moving[j] != 0u));`,
} as const satisfies Kernel;

/** gradient[j − first] = or += factor · Σ over the feature's entries of coefficient [· weight of the token] · row of the token. */
export function addRowsKernel(isWeighted: boolean) {
  return {
    name: isWeighted ? 'add weighted rows' : 'add rows',
    bindings: {
      ...{ featureStarts: reads('u32'), byFeature: reads('vec2u'), touched: reads('u32'), coefficients: reads('f32') },
      ...{ weights: reads('vec2f'), rows: reads('f32'), gradient: writes('f32') },
    },
    settings: { first: 'u32', count: 'u32', width: 'u32', factor: 'f32', adds: 'u32' },
    threads: 64,
    main: `
  if (group >= settings.count) { return; }
  let j = settings.first + group;
  if (touched[j] == 0u) { return; }
  let end = featureStarts[j + 1u];
  for (var i = local; i < settings.width; i += 64u) {
    var sum = 0.0;
    for (var at = featureStarts[j]; at < end; at++) {
      let entry = byFeature[at];
      let coefficient = coefficients[entry.x] ${isWeighted ? '* weights[entry.y].x' : ''};
      sum = fma(coefficient, rows[entry.y * settings.width + i], sum);
    }
    sum *= settings.factor;
    let to = group * settings.width + i;
    if (settings.adds != 0u) { gradient[to] += sum; } else { gradient[to] = sum; }
  }`,
  } as const satisfies Kernel;
}

/** Sums over a feature's entries, in `slots` of [features]: Σ δ, ∂b_enc, ∂θ or ∂r, ∂b_mag, the pull along W_dec[j]. */
export const SLOTS = { shift: 0, encoderBias: 1, first: 2, second: 3, along: 4 } as const;

export function sumsKernel(hasExtras: boolean) {
  return {
    name: hasExtras ? 'sums with extras' : 'sums',
    bindings: {
      ...{ featureStarts: reads('u32'), byFeature: reads('vec2u'), touched: reads('u32'), deltas: reads('f32') },
      ...{ extras: reads('vec4f'), sums: writes('f32') },
    },
    settings: { features: 'u32', adds: 'u32' },
    threads: 64,
    declarations: totalOf(64, 'vec4f'),
    main: `
  let j = group;
  if (j >= settings.features) { return; }
  var shift = vec4f();
  var extra = vec4f();
  if (touched[j] != 0u) {
    for (var at = featureStarts[j] + local; at < featureStarts[j + 1u]; at += 64u) {
      let entry = byFeature[at].x;
      shift.x += deltas[entry];
      ${hasExtras ? 'extra += extras[entry];' : ''}
    }
  }
  shift = total(local, shift);
  ${hasExtras ? 'extra = total(local, extra);' : 'extra.x = shift.x;'}
  if (local != 0u) { return; }
  let n = settings.features;
  if (settings.adds != 0u) {
    sums[j] += shift.x;
    sums[n + j] += extra.x;
    return;
  }
  sums[j] = shift.x;
  sums[n + j] = extra.x;
  sums[2u * n + j] = extra.y;
  sums[3u * n + j] = extra.z;
  sums[4u * n + j] = extra.w;`,
  } as const satisfies Kernel;
}

/** gradient[j − first] += along_j · W_dec[j]. */
export const ADD_ALONG = {
  name: 'add along',
  bindings: { touched: reads('u32'), sums: reads('f32'), decoder: reads('f32'), gradient: writes('f32') },
  settings: { first: 'u32', count: 'u32', tileFirst: 'u32', width: 'u32', features: 'u32' },
  threads: 64,
  main: `
  if (group >= settings.count) { return; }
  let j = settings.first + group;
  if (touched[j] == 0u) { return; }
  let along = sums[${SLOTS.along}u * settings.features + j];
  for (var i = local; i < settings.width; i += 64u) {
    gradient[group * settings.width + i] += along * decoder[(j - settings.tileFirst) * settings.width + i];
  }`,
} as const satisfies Kernel;

/** Takes out of the gradient what would change the length of W_dec[j]. */
export const PROJECT = {
  name: 'project',
  bindings: { touched: reads('u32'), decoder: reads('f32'), gradient: writes('f32') },
  settings: { first: 'u32', count: 'u32', tileFirst: 'u32', width: 'u32' },
  threads: 64,
  declarations: totalOf(64, 'vec4f'),
  main: `
  if (group >= settings.count) { return; }
  let j = settings.first + group;
  if (touched[j] == 0u) { return; }
  let row = (j - settings.tileFirst) * settings.width;
  var sums = vec4f();
  for (var i = local; i < settings.width; i += 64u) {
    let w = decoder[row + i];
    sums += vec4f(gradient[group * settings.width + i] * w, w * w, 0.0, 0.0);
  }
  let sum = total(local, sums);
  if (!(sum.y > 0.0)) { return; }
  for (var i = local; i < settings.width; i += 64u) { gradient[group * settings.width + i] -= sum.x / sum.y * decoder[row + i]; }`,
} as const satisfies Kernel;

/** parts[part, i] = or += factor · Σ over the part's tokens of [weight ·] r_i. */
export function residualPartsKernel(isWeighted: boolean) {
  return {
    name: isWeighted ? 'weighted residual parts' : 'residual parts',
    bindings: { weights: reads('vec2f'), residuals: reads('f32'), parts: writes('f32') },
    settings: { tokens: 'u32', width: 'u32', blocks: 'u32', factor: 'f32', adds: 'u32' },
    threads: 64,
    main: `
  let part = group / settings.blocks;
  let i = (group % settings.blocks) * 64u + local;
  if (part >= ${PARTS}u || i >= settings.width) { return; }
  let share = (settings.tokens + ${PARTS - 1}u) / ${PARTS}u;
  var sum = 0.0;
  for (var token = part * share; token < min(settings.tokens, (part + 1u) * share); token++) {
    sum += residuals[token * settings.width + i] ${isWeighted ? '* weights[token].x' : ''};
  }
  sum *= settings.factor;
  if (settings.adds != 0u) { parts[part * settings.width + i] += sum; } else { parts[part * settings.width + i] = sum; }`,
  } as const satisfies Kernel;
}

/** parts[part, i] −= Σ over the part's features of Σδ_j · W_enc[j, i]: what reaches b_dec through z. */
export const SHIFT_PARTS = {
  name: 'shift parts',
  bindings: { sums: reads('f32'), encoder: reads('f32'), parts: writes('f32') },
  settings: { first: 'u32', count: 'u32', width: 'u32', blocks: 'u32' },
  threads: 64,
  main: `
  let part = group / settings.blocks;
  let i = (group % settings.blocks) * 64u + local;
  if (part >= ${PARTS}u || i >= settings.width) { return; }
  let share = (settings.count + ${PARTS - 1}u) / ${PARTS}u;
  var sum = 0.0;
  for (var row = part * share; row < min(settings.count, (part + 1u) * share); row++) {
    let shift = sums[settings.first + row];
    if (shift != 0.0) { sum += shift * encoder[row * settings.width + i]; }
  }
  parts[part * settings.width + i] -= sum;`,
} as const satisfies Kernel;

export const SUM_PARTS = {
  name: 'sum parts',
  bindings: { parts: reads('f32'), biasGradient: writes('f32') },
  settings: { width: 'u32' },
  threads: 64,
  main: `
  let i = group * 64u + local;
  if (i >= settings.width) { return; }
  var sum = 0.0;
  for (var part = 0u; part < ${PARTS}u; part++) { sum += parts[part * settings.width + i]; }
  biasGradient[i] = sum;`,
} as const satisfies Kernel;

/** ∂W_skip[o, i] = Σ over tokens of 2 w r_o x_i; 16 × 16 results a workgroup. */
export const SKIP_GRADIENT = {
  name: 'skip gradient',
  bindings: { weights: reads('vec2f'), residuals: reads('f32'), tokens: reads('f32'), gradient: writes('f32') },
  settings: { count: 'u32', dIn: 'u32', dOut: 'u32' },
  threads: 256,
  declarations: `
var<workgroup> left: array<f32, 256>;
var<workgroup> right: array<f32, 256>;`,
  main: `
  let x = local % 16u;
  let y = local / 16u;
  let output = groups.y * 16u;
  let input = groups.x * 16u;
  var sum = 0.0;
  for (var first = 0u; first < settings.count; first += 16u) {
    let token = first + y;
    var residual = 0.0;
    var value = 0.0;
    if (token < settings.count) {
      if (output + x < settings.dOut) { residual = weights[token].x * residuals[token * settings.dOut + output + x]; }
      if (input + x < settings.dIn) { value = tokens[token * settings.dIn + input + x]; }
    }
    left[y * 16u + x] = residual;
    right[y * 16u + x] = value;
    workgroupBarrier();
    for (var inner = 0u; inner < 16u; inner++) { sum = fma(left[inner * 16u + y], right[inner * 16u + x], sum); }
    workgroupBarrier();
  }
  if (output + y < settings.dOut && input + x < settings.dIn) {
    gradient[(output + y) * settings.dIn + input + x] = sum;
  }`,
} as const satisfies Kernel;

/** control: what scales the gradient, ‖g‖, the auxiliary loss. g ← g · min(1, limit / (‖g‖ + 1e-6)), as torch.nn.utils.clip_grad_norm_. */
export const CLIP = {
  name: 'clip',
  bindings: {
    ...{ touched: reads('u32'), squares: reads('f32'), sums: reads('f32'), biasGradient: reads('f32') },
    ...{ skipSquares: reads('f32'), control: writes('f32') },
  },
  settings: { features: 'u32', vectors: 'u32', width: 'u32', skipRows: 'u32', limit: 'f32' },
  threads: 256,
  declarations: totalOf(256),
  main: `
  var square = 0.0;
  for (var j = local; j < settings.features; j += 256u) {
    if (touched[j] != 0u) { square += squares[j]; }
    for (var slot = 1u; slot <= settings.vectors; slot++) {
      let value = sums[slot * settings.features + j];
      square += value * value;
    }
  }
  for (var i = local; i < settings.width; i += 256u) { square += biasGradient[i] * biasGradient[i]; }
  for (var row = local; row < settings.skipRows; row += 256u) { square += skipSquares[row]; }
  let norm = sqrt(total(local, square));
  if (local != 0u) { return; }
  control[0] = min(1.0, settings.limit / (norm + 1e-6));
  control[1] = norm;`,
} as const satisfies Kernel;
