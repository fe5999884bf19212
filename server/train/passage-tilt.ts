/**
 * Tilts in two levels (Li et al., arXiv 2007.01162, section 4): tokens within their passage, then passages.
 *
 * R̃_g(τ) = (1/τ) log mean_{i∈g} e^{τ ℓ_i} and J(t, τ) = (1/t) log Σ_g (|g|/N) e^{t R̃_g(τ)}, with
 * ∇J = Σ_g Σ_{i∈g} ω_g v_i ∇ℓ_i, ω_g = |g| e^{t R̃_g} / Σ_g' |g'| e^{t R̃_g'}, v_i = e^{τ ℓ_i} / Σ_{j∈g} e^{τ ℓ_j}.
 * τ = 0 tilts the mean losses of passages; τ = t, or passages of one token each, is the flat tilt; t = τ = 0 is the mean.
 */
import { TiltedMean, type Tilted } from './tilted-mean.ts';

export interface PassageLosses {
  /** [passages of the batch] R̃_g(τ) */
  readonly values: Float64Array;
  /** [passages] |g| */
  readonly sizes: Float64Array;
  /** [tokens] v_i, which sum to 1 in each passage */
  readonly inner: Float64Array;
  /** [tokens] a passage's place in `values` */
  readonly places: Uint32Array;
}

/**
 * @param passages [tokens] which passage each token is of, by any number
 * @param inner τ
 */
export function tiltWithin(losses: Float64Array, passages: Float64Array, inner: number): PassageLosses {
  const placeOf = new Map<number, number>();
  const means: TiltedMean[] = [];
  const places = Uint32Array.from(passages, (passage) => {
    const known = placeOf.get(passage);
    if (known !== undefined) return known;
    placeOf.set(passage, means.length);
    return means.push(new TiltedMean(inner)) - 1;
  });
  losses.forEach((loss, i) => {
    means[places[i]!]!.add(loss);
  });
  return {
    values: Float64Array.from(means, (mean) => mean.value),
    sizes: Float64Array.from(means, (mean) => mean.mass),
    inner: losses.map((loss, i) => means[places[i]!]!.weight(loss)),
    places,
  };
}

/** J and the tokens' weights ω_g v_i. @param t the outer tilt */
export function tiltAcross({ values, sizes, inner, places }: PassageLosses, t: number): Tilted {
  const mean = new TiltedMean(t);
  values.forEach((value, place) => {
    mean.add(value, sizes[place]);
  });
  const outer = values.map((value, place) => mean.weight(value, sizes[place]));
  return { value: mean.value, weights: inner.map((weight, i) => weight * outer[places[i]!]!) };
}
