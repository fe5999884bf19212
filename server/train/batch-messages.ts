import type { ActivationScale } from '../sae/canonical.ts';
import type { Batch } from './batches.ts';

/** Each is answered once, in order. */
export type ToBatchThread =
  | { readonly kind: 'seek'; readonly position: number }
  | { readonly kind: 'deal'; readonly tokens: number; readonly scale: ActivationScale; readonly step: number };

export type FromBatchThread =
  | { readonly kind: 'there' }
  | { readonly kind: 'batch'; readonly batch: Batch }
  | { readonly kind: 'failed'; readonly message: string };
