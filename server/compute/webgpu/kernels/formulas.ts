/**
 * What an architecture does to one value, in WGSL; every other kernel is the same for all of them. As `../../kernels/activation.h`
 * and `../../kernels/feature-gradient.h`, where the formulas and their sources stand.
 *
 * `seen` is what the selection saw: u·pre of a rescaled dictionary, pre of jumprelu, π + b_gate of a gated one. A feature's `fact` is
 * (u_j, θ or e^r, b_gate, b_mag); u_j is 1 where nothing needs it.
 */
import type { EngineArchitecture } from '../../engine.ts';

export interface Formulas {
  /** Names the kernels made from them. */
  readonly name: string;
  /** `activation`, `decoded`, `penalty`, `drive`. */
  readonly wgsl: string;
  /** The penalty or the gate has gradients of its own, beside δ and f. */
  readonly hasExtras: boolean;
  readonly usesNorms: boolean;
  readonly hasPenalty: boolean;
}

const DRIVE = `
struct Drive {
  delta: f32,        // ∂L/∂pre, for W_enc
  encoderBias: f32,
  first: f32,        // ∂θ, or ∂r
  second: f32,       // ∂b_mag
  along: f32,        // ∂W_dec[j] += along · W_dec[j]
}`;

const PLAIN_ACTIVATION = 'fn activation(seen: f32, fact: vec4f) -> f32 { return seen; }';
const SEEN_IS_DECODED = 'fn decoded(seen: f32, fact: vec4f) -> f32 { return activation(seen, fact); }';

// By its series where 1 − 2/(e^2x + 1) would cancel.
const TANH = `
fn hyperbolicTangent(x: f32) -> f32 {
  if (abs(x) < 0.15) {
    let s = x * x;
    return x * (1.0 + s * (-1.0 / 3.0 + s * (2.0 / 15.0 + s * (-17.0 / 315.0 + s * 62.0 / 2835.0))));
  }
  return 1.0 - 2.0 / (exp(min(2.0 * x, 80.0)) + 1.0);
}`;

function selected(rescaled: boolean): string {
  const decoded = 'fn decoded(seen: f32, fact: vec4f) -> f32 { return select(0.0, seen / fact.x, fact.x > 0.0); }';
  return `${PLAIN_ACTIVATION}
${rescaled ? decoded : SEEN_IS_DECODED}
fn penalty(seen: f32, fact: vec4f, scale: f32) -> f32 { return 0.0; }
fn drive(seen: f32, pull: f32, penalised: f32, gate: f32, fact: vec4f, width: f32, scale: f32) -> Drive {
  return Drive(pull, pull, 0.0, 0.0, 0.0);
}`;
}

function relu(isWeighted: boolean): string {
  const along = 'select(0.0, penalised * seen / fact.x, fact.x > 0.0)';
  return `${PLAIN_ACTIVATION}
${SEEN_IS_DECODED}
fn penalty(seen: f32, fact: vec4f, scale: f32) -> f32 { return seen * fact.x; }
fn drive(seen: f32, pull: f32, penalised: f32, gate: f32, fact: vec4f, width: f32, scale: f32) -> Drive {
  let delta = pull + penalised * fact.x;
  return Drive(delta, delta, 0.0, 0.0, ${isWeighted ? along : '0.0'});
}`;
}

function jumpRelu(isTanh: boolean, intoInput: boolean): string {
  const slope = `
  let t = hyperbolicTangent(scale * f * fact.x);
  let slope = penalised * scale * (1.0 - t * t);
  pulled += slope * fact.x;
  if (fact.x > 0.0) { along = slope * f / fact.x; }`;
  return `${TANH}
fn activation(seen: f32, fact: vec4f) -> f32 { return select(0.0, seen, seen > fact.y); }
${SEEN_IS_DECODED}
fn penalty(seen: f32, fact: vec4f, scale: f32) -> f32 {
  let f = activation(seen, fact);
  return ${isTanh ? 'hyperbolicTangent(scale * f * fact.x)' : 'select(0.0, 1.0, f > 0.0)'};
}
fn drive(seen: f32, pull: f32, penalised: f32, gate: f32, fact: vec4f, width: f32, scale: f32) -> Drive {
  let f = activation(seen, fact);
  let v = (seen - fact.y) / width;
  var pulled = pull;
  var along = 0.0;
  ${isTanh ? slope : ''}
  var edge = 0.0;
  if (v > -0.5 && v < 0.5) { edge = fact.y / width * pulled + ${isTanh ? '0.0' : 'penalised / width'}; }
  let delta = select(0.0, pulled, seen > fact.y) + ${intoInput ? 'edge' : '0.0'};
  return Drive(delta, delta, -edge, 0.0, along);
}`;
}

function gated(isSaeLens: boolean): string {
  const along = 'select(0.0, penalised * seen / fact.x, fact.x > 0.0)';
  return `
fn magnitude(seen: f32, fact: vec4f) -> f32 { return fact.y * (seen - fact.z) + fact.w; }
fn activation(seen: f32, fact: vec4f) -> f32 { return max(0.0, magnitude(seen, fact)); }
${SEEN_IS_DECODED}
fn penalty(seen: f32, fact: vec4f, scale: f32) -> f32 { return seen * fact.x; }
fn drive(seen: f32, pull: f32, penalised: f32, gate: f32, fact: vec4f, width: f32, scale: f32) -> Drive {
  let pulled = select(0.0, pull, magnitude(seen, fact) > 0.0);
  let gated = gate + penalised * fact.x;
  return Drive(pulled * fact.y + gated, gated, pulled * fact.y * (seen - fact.z), pulled, ${isSaeLens ? along : '0.0'});
}`;
}

/** The formulas of an architecture. */
export function formulasOf(architecture: EngineArchitecture): Formulas {
  const plain = { hasExtras: false, usesNorms: false, hasPenalty: false };
  switch (architecture.kind) {
    case 'topk':
    case 'batchtopk':
    case 'matryoshka': {
      const usesNorms = architecture.rescaledByDecoderNorm;
      const wgsl = DRIVE + selected(usesNorms);
      return { ...plain, name: usesNorms ? 'rescaled' : 'selected', wgsl, usesNorms };
    }
    case 'relu': {
      const isWeighted = architecture.penalty === 'decoder_norm_weighted';
      const wgsl = DRIVE + relu(isWeighted);
      const name = isWeighted ? 'relu weighted' : 'relu';
      return { name, wgsl, hasExtras: isWeighted, usesNorms: isWeighted, hasPenalty: true };
    }
    case 'jumprelu': {
      const { penalty, straightThroughToInput } = architecture;
      const isTanh = penalty.kind === 'tanh';
      const name = `jumprelu ${penalty.kind}${straightThroughToInput ? ' into input' : ''}`;
      const wgsl = DRIVE + jumpRelu(isTanh, straightThroughToInput);
      return { name, wgsl, hasExtras: true, usesNorms: isTanh, hasPenalty: true };
    }
    case 'gated': {
      const isSaeLens = architecture.variant === 'saelens';
      const wgsl = DRIVE + gated(isSaeLens);
      return { name: `gated ${architecture.variant}`, wgsl, hasExtras: true, usesNorms: isSaeLens, hasPenalty: true };
    }
  }
}
