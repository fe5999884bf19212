import type { SparseFeatures } from '../compute/engine.ts';
import { StrongestOfGroups } from '../foundation/strongest.ts';

/**
 * What a dictionary's features did on a set of tokens: how often each fired, and the token types of its strongest contexts.
 * Memory is [d_sae, contexts], whatever the number of tokens.
 */
export class FeatureTally {
  /** [d_sae] tokens on which the feature fired. */
  readonly fires: Float64Array;
  tokens = 0;
  readonly #contexts: StrongestOfGroups;

  constructor(dSae: number, contextsPerFeature: number) {
    this.fires = new Float64Array(dSae);
    this.#contexts = new StrongestOfGroups(dSae, contextsPerFeature);
  }

  /** @param types [tokens] token ids, beside the features of each token */
  add({ offsets, features, values }: SparseFeatures, types: Int32Array): void {
    this.tokens += types.length;
    for (let token = 0; token < types.length; token++)
      for (let i = offsets[token]!; i < offsets[token + 1]!; i++) {
        this.fires[features[i]!]!++;
        this.#contexts.add(features[i]!, values[i]!, types[token]!);
      }
  }

  /** Token types of the feature's strongest contexts, strongest first; equal activations in the order they were seen. */
  contexts(feature: number): Uint32Array {
    return this.#contexts.itemsOf(feature);
  }

  /** Share of features whose density, fires / tokens, satisfies a condition. */
  share(condition: (density: number) => boolean): number {
    let count = 0;
    for (const fires of this.fires) if (condition(fires / this.tokens)) count++;
    return count / this.fires.length;
  }
}
