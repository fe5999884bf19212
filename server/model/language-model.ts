import type { Encoding, TextTokenizer } from '../foundation/encoding.ts';

/** A place in the residual stream, by TransformerLens's name: `blocks.3.hook_resid_post`. */
export interface HookPoint {
  readonly name: string;
  /** Name of the tensor in the ONNX graph. */
  readonly tensor: string;
  /** Symbolic: ["batch", "sequence", 256]. */
  readonly shape: readonly (string | number)[];
}

export interface ModelDescription {
  /** The name it was asked for by: `builtin`, a stored name, or a path. */
  readonly name: string;
  /** SHA-256 over graph, weights and tokenizer: what caches and dictionaries refer to. The model's own `contentHash` is its tokenizer's. */
  readonly contentHash: string;
  readonly architecture: string;
  readonly layers: number;
  readonly dModel: number;
  readonly vocabulary: number;
  readonly contextLength: number;
  readonly hookPoints: readonly HookPoint[];
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  readonly licence: string | null;
  readonly source: string;
}

/** Token ids of one sequence, with the BOS token where the model wants one; at most `contextLength` long. */
export type TokenSequence = Int32Array;

/** Per-token figures of the next-token prediction with the activation replaced, in nats. Index i predicts token i + 1, so length − 1 each. */
export interface SplicedLosses {
  /** −log p(token i + 1) */
  readonly crossEntropy: Float32Array;
  /** KL(original ‖ patched) of the prediction at i */
  readonly divergence: Float32Array;
}

/** Of one sequence whose activations are replaced. */
export interface DivergenceGradient {
  /** [tokens] KL(original ‖ patched) of the prediction at each position, in nats */
  readonly divergence: Float32Array;
  /** [tokens, d_model] gradient of its sum by the replacement */
  readonly gradient: Float32Array;
}

/**
 * A causal language model cut at hook points, run by onnxruntime in a worker thread: no call blocks the event loop.
 * All arrays of activations are [tokens, d_model] float32, one per sequence, in the order of the sequences, BOS position included.
 */
export interface LanguageModel extends TextTokenizer, AsyncDisposable {
  readonly description: ModelDescription;
  /** Whole text, however long; special tokens (BOS) included with start == end. */
  encode(text: string): Encoding;
  decode(ids: readonly number[]): string;
  /** The residual stream at a hook point, [tokens, d_model] for each sequence. */
  activations(hookPoint: string, sequences: readonly TokenSequence[], signal?: AbortSignal): Promise<Float32Array[]>;
  /** Activations and, of the same run, the losses of `losses`. */
  activationsAndLosses(
    hookPoint: string,
    sequences: readonly TokenSequence[],
    signal?: AbortSignal,
  ): Promise<{ readonly activations: Float32Array[]; readonly losses: Float32Array[] }>;
  /** Logits [tokens, vocabulary] of each sequence, with activations replaced where `patch` says so. */
  logits(
    sequences: readonly TokenSequence[],
    patch?: { readonly hookPoint: string; readonly activations: readonly Float32Array[] },
    signal?: AbortSignal,
  ): Promise<Float32Array[]>;
  /** Losses without any change: −log p(token i + 1), length − 1 each. */
  losses(sequences: readonly TokenSequence[], signal?: AbortSignal): Promise<Float32Array[]>;
  /** Losses and divergence with the hook point's activation replaced. */
  splicedLosses(
    hookPoint: string,
    sequences: readonly TokenSequence[],
    replacement: readonly Float32Array[],
    signal?: AbortSignal,
  ): Promise<SplicedLosses[]>;
  /**
   * KL(softmax(tail(x)) ‖ softmax(tail(x̂))) and its gradient by x̂, through the model behind the hook point.
   * @param original x, [tokens, d_model] of each sequence @param replacement x̂
   * @throws WorkError naming an operator of the tail whose gradient is not known, or one that reads the tokens beside the stream
   */
  divergenceGradients(
    hookPoint: string,
    original: readonly Float32Array[],
    replacement: readonly Float32Array[],
    signal?: AbortSignal,
  ): Promise<DivergenceGradient[]>;
  /**
   * Directions of the residual stream, times the unembedding: [n, vocabulary]. The unembedding is the last linear map of
   * the model's own tail; the final norm is left out, as the field does (W_dec · W_U).
   */
  unembed(directions: Float32Array): Promise<Float32Array>;
}
