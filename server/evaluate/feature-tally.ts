import type { SparseFeatures } from '../compute/engine.ts';

/**
 * What a dictionary's features did on a set of tokens: how often each fired, and the token types of its strongest contexts.
 * Memory is [d_sae · contexts], whatever the number of tokens.
 */
export class FeatureTally {
  /** [d_sae] tokens on which the feature fired. */
  readonly fires: Float64Array;
  readonly contextsPerFeature: number;
  tokens = 0;
  /** [d_sae, contexts] descending within a feature. */
  readonly #activations: Float32Array;
  /** [d_sae, contexts] token ids beside `#activations`. */
  readonly #types: Int32Array;

  constructor(dSae: number, contextsPerFeature: number) {
    this.contextsPerFeature = contextsPerFeature;
    this.fires = new Float64Array(dSae);
    this.#activations = new Float32Array(dSae * contextsPerFeature);
    this.#types = new Int32Array(dSae * contextsPerFeature);
  }

  /** @param types [tokens] token ids, beside the features of each token */
  add(features: SparseFeatures, types: Int32Array): void {
    this.tokens += types.length;
    for (let token = 0; token < types.length; token++)
      for (let i = features.offsets[token]!; i < features.offsets[token + 1]!; i++)
        this.#addOne(features.features[i]!, features.values[i]!, types[token]!);
  }

  #addOne(feature: number, activation: number, type: number): void {
    const first = feature * this.contextsPerFeature;
    const kept = Math.min(this.fires[feature]!, this.contextsPerFeature);
    this.fires[feature]!++;
    let place = first + kept;
    while (place > first && this.#activations[place - 1]! < activation) place--;
    const end = first + this.contextsPerFeature;
    if (place >= end) return;
    const last = Math.min(first + kept, end - 1);
    this.#activations.copyWithin(place + 1, place, last);
    this.#types.copyWithin(place + 1, place, last);
    this.#activations[place] = activation;
    this.#types[place] = type;
  }

  /** Token types of the feature's strongest contexts, strongest first; equal activations in the order they were seen. */
  contexts(feature: number): Int32Array {
    const first = feature * this.contextsPerFeature;
    return this.#types.subarray(first, first + Math.min(this.fires[feature]!, this.contextsPerFeature));
  }

  /** Share of features whose density, fires / tokens, satisfies a condition. */
  share(condition: (density: number) => boolean): number {
    let count = 0;
    for (const fires of this.fires) if (condition(fires / this.tokens)) count++;
    return count / this.fires.length;
  }
}
