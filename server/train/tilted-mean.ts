/** The tilted mean of TERM (Li et al., ICLR 2021, arXiv 2007.01162): R(t) = (1/t) log Σ_i p_i exp(t ℓ_i), Σ p_i = 1, in float64. */

export interface Tilted {
  /** R(t) */
  readonly value: number;
  /** ∂R/∂ℓ_i = softmax(t ℓ)_i, for p_i = 1/n; they sum to 1. */
  readonly weights: Float64Array;
}

/**
 * A tilted mean as losses come: what it keeps of n losses merges with what another kept of the rest, so that a batch may be looked
 * at in any pieces (micro-batches, the tokens of one passage) and gives the whole batch's R and weights.
 *
 * Sums are of t(ℓ − max): the maximum is subtracted before multiplying by t, for at t = 10⁹ the other order loses the argument.
 * Nothing is clamped; every exponent is ≤ 0, so nothing overflows. Where all of them are small, `log mean exp` would cancel, and
 * R = max + log1p(mean expm1(t(ℓ − max)))/t, whose terms all have one sign.
 */
export class TiltedMean {
  readonly #t: number;
  #mass = 0;
  #maximum = -Infinity;
  /** Σ p ℓ */
  #total = 0;
  /** Σ p exp(t(ℓ − max)) */
  #sum = 0;
  /** Σ p expm1(t(ℓ − max)) */
  #shortfall = 0;

  /** @param t the tilt, ≥ 0 */
  constructor(t: number) {
    this.#t = t;
  }

  /** @param mass how much the loss counts, before all masses are scaled to sum 1 */
  add(loss: number, mass = 1): void {
    this.#raise(loss);
    const exponent = this.#t * (loss - this.#maximum);
    this.#mass += mass;
    this.#total += mass * loss;
    this.#sum += mass * Math.exp(exponent);
    this.#shortfall += mass * Math.expm1(exponent);
  }

  /** Takes in all that `other`, of the same tilt, was given. */
  merge(other: TiltedMean): void {
    if (other.#mass === 0) return;
    this.#raise(other.#maximum);
    const shift = this.#t * (other.#maximum - this.#maximum);
    this.#mass += other.#mass;
    this.#total += other.#total;
    this.#sum += other.#sum * Math.exp(shift);
    this.#shortfall += other.#shortfall * Math.exp(shift) + other.#mass * Math.expm1(shift);
  }

  #raise(loss: number): void {
    if (loss <= this.#maximum) return;
    const shift = this.#mass === 0 ? 0 : this.#t * (this.#maximum - loss);
    this.#maximum = loss;
    this.#sum *= Math.exp(shift);
    this.#shortfall = this.#shortfall * Math.exp(shift) + this.#mass * Math.expm1(shift);
  }

  get mass(): number {
    return this.#mass;
  }

  /** R(t); the mean at t = 0. */
  get value(): number {
    const share = this.#shortfall / this.#mass;
    // R − mean ≤ t · Var(ℓ) ≤ |share| · range: below the last digit here, where t(ℓ − max) may have lost its own.
    if (share > -Number.EPSILON) return this.#total / this.#mass;
    return this.#maximum + (share > -0.5 ? Math.log1p(share) : Math.log(this.#sum / this.#mass)) / this.#t;
  }

  /** The weight, among all that were given, of a loss that was given with this mass. */
  weight(loss: number, mass = 1): number {
    return (mass * Math.exp(this.#t * (loss - this.#maximum))) / this.#sum;
  }
}

/** R(t) and w of losses that count alike. */
export function tiltLosses(losses: Float64Array, t: number): Tilted {
  const mean = new TiltedMean(t);
  for (const loss of losses) mean.add(loss);
  return { value: mean.value, weights: losses.map((loss) => mean.weight(loss)) };
}
