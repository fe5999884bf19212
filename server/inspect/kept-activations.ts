/**
 * The activations behind a feature index: of every feature, those on the tokens of the passages that the index keeps for it. A page that
 * shows those passages then runs no model.
 */

/** Activations gathered before those of passages that are not kept any more are let go. */
const MAX_WAITING = 4_000_000;

/** Activations by feature: those of feature j are entries [starts[j], starts[j + 1]), in the order they were added. */
export interface ActivationsByFeature {
  /** [d_sae + 1] */
  readonly starts: Uint32Array;
  /** Places in the index's list of passages. */
  readonly passages: Uint32Array;
  /** The token's place in its passage. */
  readonly tokens: Uint32Array;
  readonly values: Float32Array;
}

/** Gathers activations over a stream of passages; memory is bounded by what is kept and {@link MAX_WAITING} entries. */
export class KeptActivations {
  readonly #dSae: number;
  /** Passages that are kept of a feature now: one that is not will never be again. */
  readonly #keptOf: (feature: number) => ReadonlySet<number>;
  #features: Uint32Array;
  #passages: Uint32Array;
  #tokens: Uint32Array;
  #values: Float32Array;
  #count = 0;

  constructor(dSae: number, keptOf: (feature: number) => ReadonlySet<number>, room = MAX_WAITING) {
    this.#dSae = dSae;
    this.#keptOf = keptOf;
    this.#features = new Uint32Array(room);
    this.#passages = new Uint32Array(room);
    this.#tokens = new Uint32Array(room);
    this.#values = new Float32Array(room);
  }

  add(feature: number, passage: number, token: number, value: number): void {
    if (this.#count === this.#features.length) this.#makeRoom();
    this.#features[this.#count] = feature;
    this.#passages[this.#count] = passage;
    this.#tokens[this.#count] = token;
    this.#values[this.#count++] = value;
  }

  /** Lets go of what is not kept; when most of it is, doubles the room. */
  #makeRoom(): void {
    const { starts, passages, tokens, values } = this.byFeature();
    const room = values.length > this.#count / 2 ? 2 * this.#features.length : this.#features.length;
    const grown = [new Uint32Array(room), new Uint32Array(room), new Uint32Array(room)] as const;
    [this.#features, this.#passages, this.#tokens] = grown;
    this.#values = new Float32Array(room);
    for (let feature = 0; feature < this.#dSae; feature++)
      this.#features.fill(feature, starts[feature], starts[feature + 1]);
    this.#passages.set(passages);
    this.#tokens.set(tokens);
    this.#values.set(values);
    this.#count = values.length;
  }

  /** What is kept, sorted by feature (a counting sort: the order of a feature's entries stays). */
  byFeature(): ActivationsByFeature {
    const first = new Uint32Array(this.#dSae + 1);
    for (let i = 0; i < this.#count; i++) first[this.#features[i]! + 1]!++;
    for (let feature = 0; feature < this.#dSae; feature++) first[feature + 1]! += first[feature]!;
    const order = new Uint32Array(this.#count);
    const next = first.slice();
    for (let i = 0; i < this.#count; i++) order[next[this.#features[i]!]!++] = i;
    const starts = new Uint32Array(this.#dSae + 1);
    let kept = 0;
    for (let feature = 0; feature < this.#dSae; feature++) {
      const wanted = first[feature] === first[feature + 1] ? null : this.#keptOf(feature);
      for (let at = first[feature]!; at < first[feature + 1]!; at++)
        if (wanted!.has(this.#passages[order[at]!]!)) order[kept++] = order[at]!;
      starts[feature + 1] = kept;
    }
    const chosen = order.subarray(0, kept);
    return {
      starts,
      passages: Uint32Array.from(chosen, (i) => this.#passages[i]!),
      tokens: Uint32Array.from(chosen, (i) => this.#tokens[i]!),
      values: Float32Array.from(chosen, (i) => this.#values[i]!),
    };
  }
}
