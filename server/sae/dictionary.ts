import type { DictionaryParameters, EngineShape } from '../compute/engine.ts';
import type { Architecture } from '../protocol/architectures.ts';

/** Where a dictionary's activations come from, and how it was made; stored in cfg.json's metadata and manifest.json. */
export interface DictionaryOrigin {
  /** Name and content hash of the model; null for dictionaries trained on given activations. */
  readonly model: string | null;
  readonly modelHash: string | null;
  readonly hookPoint: string | null;
  readonly contextLength: number | null;
}

/** Shares of tokens that features fire on, counted when the dictionary was made. */
export interface FeatureDensities {
  /** [d_sae] 0 to 1 */
  readonly shares: Float32Array;
  readonly tokens: number;
}

/**
 * A dictionary in memory: canonical form pre = z W_enc + b_enc, f = act(pre), x̂ = f W_dec + b_dec on RAW activations.
 * Training normalises activations by one scalar; the scalar is folded into the parameters before they get here.
 */
export interface Dictionary {
  readonly name: string;
  /** SHA-256 of weights and configuration. */
  readonly contentHash: string;
  readonly shape: EngineShape;
  readonly parameters: DictionaryParameters;
  /** λ it was trained with, on activations of mean norm √d_in; absent where there is no penalty or nobody noted it. */
  readonly sparsityCoefficient?: number;
  /** What it was trained as, which its shape does not say: batchtopk is stored as jumprelu. Absent where nobody noted it. */
  readonly trainedAs?: Architecture;
  /** Of a dictionary that reconstructs other activations than it reads: where those are. */
  readonly transcoder?: { readonly hookPoint: string | null };
  readonly origin: DictionaryOrigin;
  /** [d_sae] a person's names of features; null where there is none. */
  readonly labels: ReadonlyMap<number, string>;
  /** How often each feature fires; null where nobody counted. */
  readonly densities: FeatureDensities | null;
}
