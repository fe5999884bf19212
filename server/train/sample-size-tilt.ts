/**
 * The tilt at which a batch has a given effective sample size.
 *
 * With masses p (Σ p = 1) and w_i = p_i e^{tℓ_i} / Σ p e^{tℓ}, the effective share is s(t) = 1 / Σ_i w_i²/p_i; for p = 1/n that is
 * ESS / n = 1 / (n Σ w²). With K(t) = log Σ p e^{tℓ}, log s(t) = 2K(t) − K(2t), whose derivative 2(K'(t) − K'(2t)) is ≤ 0 for
 * t ≥ 0 because K is convex. So s falls from 1 at t = 0 to the mass of the largest losses, and one t meets a target between.
 *
 * Because t is solved anew on the losses of the very batch that it weighs, there is no controller state: nothing lags when losses
 * change, nothing is to be tuned, and a resumed run needs no more than the batch.
 */

/** Doublings until exp(−u · gap) is 0 for any two different float64 losses within a range of 1. */
const MAX_DOUBLINGS = 80;
const MAX_ITERATIONS = 200;
/** Of log s: a relative error of the effective sample size. */
const TOLERANCE = 1e-13;
/** exp(−746) is 0 in float64. */
const ALL_GONE = 746;

interface Moments {
  /** log s(u) */
  readonly value: number;
  /** d log s / d log u */
  readonly slope: number;
}

/** @param gaps [n] ℓ_i − max, over the range: −1 to 0 */
function logShare(gaps: Float64Array, masses: Float64Array | null, u: number): Moments {
  let [total, once, twice, onceGap, twiceGap] = [0, 0, 0, 0, 0];
  for (let i = 0; i < gaps.length; i++) {
    const gap = gaps[i]!;
    const mass = masses === null ? 1 : masses[i]!;
    const power = Math.exp(u * gap);
    const [at, at2] = [mass * power, mass * power * power];
    total += mass;
    once += at;
    twice += at2;
    onceGap += at * gap;
    twiceGap += at2 * gap;
  }
  return {
    value: 2 * Math.log(once / total) - Math.log(twice / total),
    slope: 2 * u * (onceGap / once - twiceGap / twice),
  };
}

/**
 * Newton's method on log(−log s) over log u (a line where tilts are small), kept in a bracket that halves when a step leaves it;
 * deterministic.
 * Where so many losses share the maximum that no tilt gets below their mass, it is the tilt that leaves those alone.
 * @param share of the mass, above 0 and at most 1
 * @param masses [n] how much each loss counts; null: alike
 * @returns t ≥ 0; 0 where all losses are equal
 */
export function tiltForShare(losses: Float64Array, share: number, masses: Float64Array | null = null): number {
  const maximum = losses.reduce((largest, loss) => Math.max(largest, loss), -Infinity);
  const range = maximum - losses.reduce((smallest, loss) => Math.min(smallest, loss), Infinity);
  if (!(range > 0) || !Number.isFinite(range) || share >= 1) return 0;
  const gaps = losses.map((loss) => (loss - maximum) / range);
  const target = Math.log(share);
  let [low, high] = [0, firstGuess(gaps, target)];
  for (let doubling = 0; logShare(gaps, masses, high).value > target; doubling++) {
    if (doubling === MAX_DOUBLINGS) return tiltOfMaximum(gaps, range);
    low = high;
    high *= 2;
  }
  let u = low === 0 ? high : Math.sqrt(low) * Math.sqrt(high);
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
    const { value, slope } = logShare(gaps, masses, u);
    if (Math.abs(value - target) < TOLERANCE) break;
    if (value > target) low = u;
    else high = u;
    const newton = u * Math.exp((Math.log(target / value) * value) / slope);
    const next = newton > low && newton < high ? newton : low === 0 ? high / 2 : Math.sqrt(low) * Math.sqrt(high);
    if (next === u) break;
    u = next;
  }
  return u / range;
}

/** For small tilts log s = −u² Var(gap). */
function firstGuess(gaps: Float64Array, target: number): number {
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  const guess = Math.sqrt(-target / variance);
  return guess > 0 && Number.isFinite(guess) ? guess : 1;
}

/** The least tilt that gives all other losses than the largest weight 0 in float64. */
function tiltOfMaximum(gaps: Float64Array, range: number): number {
  const nearest = gaps.reduce((largest, gap) => (gap < 0 ? Math.max(largest, gap) : largest), -Infinity);
  return Math.min(ALL_GONE / -nearest / range, Number.MAX_VALUE);
}
