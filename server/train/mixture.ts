/** General text mixed into a domain's, so that a finetuned dictionary forgets less of it. */
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { WorkError } from '../foundation/errors.ts';
import { splitHash } from '../foundation/hash.ts';
import type { Objective } from '../protocol/requests.ts';
import { BatchSource, type RowSource } from './batches.ts';
import { splitHeldOut, type HeldOutSplit } from './held-out-split.ts';
import { MixedSource } from './mixed-source.ts';
import { needsPassages } from './objective.ts';
import { Passages } from './passages.ts';

export interface MixedIn {
  readonly data: ActivationFolder;
  readonly split: HeldOutSplit;
  /** Of a batch's rows. */
  readonly share: number;
}

/**
 * A split of the general text. What is held out of the domain is not trained on here either.
 * @throws WorkError when nothing is left to mix in
 */
export function mixedIn(
  data: ActivationFolder,
  share: number,
  own: HeldOutSplit,
  { heldOutShare, seed }: { readonly heldOutShare: number; readonly seed: number },
): MixedIn {
  const split = splitHeldOut(data, heldOutShare, seed, own.heldOutKeys);
  if (split.trainingRows === 0)
    throw new WorkError(
      'the general text that is to be mixed in holds nothing but what is held out of the domain; give other text with --mix-corpus',
    );
  return { data, split, share };
}

/** Of the domain's held-out texts, and of the general text's where some is mixed in. */
export function splitHashOf(own: HeldOutSplit, mixed: MixedIn | null): string {
  return mixed === null ? own.splitHash : splitHash([own.splitHash, mixed.split.splitHash]);
}

/** The rows a run trains on, in the order of its seed. */
export function trainingRows(
  data: ActivationFolder,
  split: HeldOutSplit,
  mixed: MixedIn | null,
  { seed, objective }: { readonly seed: number; readonly objective: Objective },
): RowSource {
  const source = (of: ActivationFolder, { training }: HeldOutSplit): BatchSource =>
    new BatchSource(of, training, { seed, passages: needsPassages(objective) ? new Passages(of) : null });
  const own = source(data, split);
  return mixed === null ? own : new MixedSource(own, source(mixed.data, mixed.split), mixed.share);
}
