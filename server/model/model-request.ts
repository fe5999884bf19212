import type { TokenSequence } from './language-model.ts';
import type { ModelPart } from './cut-model.ts';

/** What a model's thread is started with. */
export interface ModelThreadData {
  readonly folder: string;
  readonly file: string;
  readonly threads: number;
}

/** One piece of work for the model's thread: every sequence through one part of the model. */
export interface ModelWork {
  readonly part: Exclude<ModelPart, { kind: 'reference' }>;
  /** Empty for the unembedding. */
  readonly sequences: readonly TokenSequence[];
  /** The stream that takes the hook point's place, a sequence each; the directions of the unembedding; else empty. */
  readonly replacement: readonly Float32Array[];
  /** The unchanged stream that a divergence is from; else absent. */
  readonly original?: readonly Float32Array[];
}

/** Of each sequence, what the part gives: `stream`, `logits`, `loss`, `divergence`, `gradient`. */
export type ModelOutputs = Readonly<
  Partial<Record<'stream' | 'logits' | 'loss' | 'divergence' | 'gradient', Float32Array[]>>
>;

export type ToModelThread =
  | { readonly kind: 'work'; readonly id: number; readonly work: ModelWork }
  | { readonly kind: 'abort'; readonly id: number };

export type FromModelThread =
  | {
      readonly kind: 'ready';
      readonly hookPoints: ReadonlyMap<string, string>;
      readonly logitsWidth: number;
      /** Relative to the graph's folder. */
      readonly weightFiles: readonly string[];
    }
  /** The model could not be opened, or the thread is broken: nothing more comes. */
  | { readonly kind: 'broken'; readonly message: string }
  | { readonly kind: 'done'; readonly id: number; readonly outputs: ModelOutputs }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };
