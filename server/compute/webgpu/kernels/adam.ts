/** Adam (1412.6980), both bias corrections folded into two factors: stepSize = lr / (1 − β₁ᵗ), root = 1 / √(1 − β₂ᵗ). */
import { reads, totalOf, writes, type Kernel } from '../kernel.ts';

const RATES = {
  stepSize: 'f32',
  root: 'f32',
  beta1: 'f32',
  beta2: 'f32',
  rest1: 'f32',
  rest2: 'f32',
  epsilon: 'f32',
} as const;
export type Rates = Record<keyof typeof RATES, number>;

const STEP = `
struct Stepped { parameter: f32, first: f32, second: f32 }
fn flushed(value: f32) -> f32 { return select(value, 0.0, abs(value) < 1.17549435e-38); }
fn stepped(parameter: f32, first: f32, second: f32, g: f32) -> Stepped {
  let m = flushed(settings.beta1 * first + settings.rest1 * g);
  let v = flushed(settings.beta2 * second + settings.rest2 * g * g);
  return Stepped(parameter - settings.stepSize * m / (sqrt(v) * settings.root + settings.epsilon), m, v);
}`;

/**
 * Rows of touched features, after their vectors. moving[j] becomes whether any moment of the feature is non-zero. `unit norm`: the row is
 * brought back to norm 1 where it is.
 */
export function adamRowsKernel(of: 'rows' | 'rows of unit norm') {
  const renormalise = `
  let sum = total(local, square);
  let moves = workgroupUniformLoad(&isMoving);
  if (sum > 0.0 && moves != 0u) {
    let factor = 1.0 / sqrt(sum);
    for (var i = local; i < settings.width; i += 64u) { parameters[row + i] *= factor; }
  }`;
  return {
    name: `adam of ${of}`,
    bindings: {
      ...{ touched: reads('u32'), control: reads('f32'), gradient: reads('f32') },
      ...{ parameters: writes('f32'), first: writes('f32'), second: writes('f32'), moving: writes('u32') },
    },
    settings: { firstFeature: 'u32', count: 'u32', tileFirst: 'u32', width: 'u32', ...RATES },
    threads: 64,
    declarations: `${STEP}
var<workgroup> anyMoment: atomic<u32>;
var<workgroup> isMoving: u32;
${totalOf(64)}`,
    main: `
  if (group >= settings.count) { return; }
  let j = settings.firstFeature + group;
  if (touched[j] == 0u) { return; }
  if (local == 0u) { atomicStore(&anyMoment, 0u); }
  workgroupBarrier();
  let row = (j - settings.tileFirst) * settings.width;
  var square = 0.0;
  var any = 0u;
  for (var i = local; i < settings.width; i += 64u) {
    let at = row + i;
    let next = stepped(parameters[at], first[at], second[at], gradient[group * settings.width + i] * control[0]);
    parameters[at] = next.parameter;
    first[at] = next.first;
    second[at] = next.second;
    square += next.parameter * next.parameter;
    any |= select(0u, 1u, next.first != 0.0 || next.second != 0.0);
  }
  atomicOr(&anyMoment, any);
  workgroupBarrier();
  if (local == 0u) {
    isMoving = atomicLoad(&anyMoment) | moving[j];
    moving[j] = isMoving;
  }
  ${of === 'rows of unit norm' ? renormalise : ''}`,
  } as const satisfies Kernel;
}

/**
 * An array that is not rows of features. `order`: 0 what belongs to no feature; 1 the first of the features' arrays, of those that train,
 * which begins moving[j]; 2 a later one, which adds to it.
 */
export const ADAM_VECTOR = {
  name: 'adam of a vector',
  bindings: {
    ...{ trained: reads('u32'), control: reads('f32'), gradient: reads('f32') },
    ...{ parameters: writes('f32'), first: writes('f32'), second: writes('f32'), moving: writes('u32') },
  },
  settings: { count: 'u32', offset: 'u32', order: 'u32', ...RATES },
  threads: 64,
  declarations: STEP,
  main: `
  let i = group * 64u + local;
  if (i >= settings.count) { return; }
  if (settings.order != 0u && trained[i] == 0u) { return; }
  let next = stepped(parameters[i], first[i], second[i], gradient[settings.offset + i] * control[0]);
  parameters[i] = next.parameter;
  first[i] = next.first;
  second[i] = next.second;
  if (settings.order == 0u) { return; }
  let any = select(0u, 1u, next.first != 0.0 || next.second != 0.0);
  moving[i] = select(moving[i] | any, any, settings.order == 1u);`,
} as const satisfies Kernel;
