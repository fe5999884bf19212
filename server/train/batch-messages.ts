import type { ActivationFolder } from '../foundation/activation-folder.ts';
import type { ActivationScale } from '../sae/canonical.ts';
import type { Batch, BatchOptions } from './batches.ts';
import type { RowRange } from './held-out-split.ts';

/** What the reading thread is started with. */
export interface BatchThreadData {
  readonly data: ActivationFolder;
  readonly training: readonly RowRange[];
  readonly options: BatchOptions;
}

/** Each is answered once, in order. */
export type ToBatchThread =
  | { readonly kind: 'seek'; readonly position: number }
  | { readonly kind: 'deal'; readonly tokens: number; readonly scale: ActivationScale; readonly step: number };

export type FromBatchThread =
  | { readonly kind: 'there' }
  | { readonly kind: 'batch'; readonly batch: Batch }
  | { readonly kind: 'failed'; readonly message: string };
