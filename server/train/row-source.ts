/** The rows of a run, as plain data that a thread can be given, and the source that deals them. */
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { BatchSource, type BatchOptions, type RowSource } from './batches.ts';
import type { RowRange } from './held-out-split.ts';
import { MixedSource } from './mixed-source.ts';
import { Passages } from './passages.ts';

export interface TrainingRows {
  readonly data: ActivationFolder;
  readonly training: readonly RowRange[];
}

export interface RowSourceOptions extends Omit<BatchOptions, 'passages'> {
  /** Deal whole passages. */
  readonly byPassages?: boolean;
  /** General rows that are mixed in, and the share of a batch that they are. */
  readonly mixed?: (TrainingRows & { readonly share: number }) | null;
}

export interface RowSourceData extends TrainingRows {
  readonly options: RowSourceOptions;
}

/** @throws UsageError when passages are to be dealt and the folder does not say where they begin */
export function rowSource({ data, training, options }: RowSourceData): RowSource {
  const { byPassages = false, mixed = null, ...batches } = options;
  const source = (rows: TrainingRows): BatchSource =>
    new BatchSource(rows.data, rows.training, { ...batches, passages: byPassages ? new Passages(rows.data) : null });
  const own = source({ data, training });
  return mixed === null ? own : new MixedSource(own, source(mixed), mixed.share);
}
