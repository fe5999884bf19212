/** Activations on disk: the trainer reads them back in any order, so a sweep reads the language model once. */
export interface ActivationShard {
  /** A safetensors file with `activations` [rows, d_in] float32. */
  readonly path: string;
  readonly rows: number;
  /** What the rows are, in order: one entry a sequence. Empty for a file that someone else wrote. */
  readonly sequences: readonly { readonly key: string; readonly rows: number }[];
}

export interface ActivationFolder {
  readonly dIn: number;
  readonly rows: number;
  /** Hash over model, hook point and sequences, or over the file's bytes. */
  readonly contentHash: string;
  readonly shards: readonly ActivationShard[];
  /** Tensor of the shards; "activations" where it is absent. */
  readonly tensor?: string;
  /** What a transcoder reconstructs: as many rows, of a width of their own. */
  readonly targets?: ActivationFolder;
}
