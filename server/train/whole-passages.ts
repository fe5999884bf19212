/** Batches of whole passages, each from its first row on, for losses that read a passage as the model does. */
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { UsageError, WorkError } from '../foundation/errors.ts';
import { ActivationReader } from './activation-reader.ts';
import { randomFor } from './batches.ts';
import type { RowRange } from './held-out-split.ts';

export interface PassageBatch {
  /** [tokens, d_in] as harvested, one passage after the other */
  readonly values: Float32Array;
  /** [tokens] row of the activation folder */
  readonly rows: Float64Array;
  /** [tokens] which of the batch's passages each row is of */
  readonly passages: Float64Array;
  /** Rows of each passage. */
  readonly lengths: readonly number[];
}

/** Sequences of which every row is trained on. */
function wholeWithin(data: ActivationFolder, training: readonly RowRange[]): RowRange[] {
  const whole: RowRange[] = [];
  let first = 0;
  let range = 0;
  for (const { rows } of data.shards.flatMap(({ sequences }) => sequences)) {
    const end = first + rows;
    while (range < training.length && training[range]!.end <= first) range++;
    const { first: from, end: to } = training[range] ?? { first: Infinity, end: 0 };
    if (rows > 0 && from <= first && end <= to) whole.push({ first, end });
    first = end;
  }
  return whole;
}

/**
 * Passages in the order of the seed, epoch after epoch, so many that their rows fill a batch; the last of a batch ends where the batch
 * does, and what is left of it is passed over. The n-th batch follows from seed and n alone.
 */
export class WholePassages {
  readonly #reader: ActivationReader;
  readonly #passages: readonly RowRange[];
  readonly #seed: number;
  readonly #tokens: number;
  readonly #longest: number;
  /** Where the batch after those taken begins: counted in passages over all epochs. */
  #taken = { batches: 0, passages: 0 };
  #order: { readonly epoch: number; readonly places: Uint32Array } | null = null;

  /**
   * @param tokens of a batch @param longest rows of a passage that the model reads at once
   * @throws UsageError when the folder does not say where passages begin, WorkError when none is trained on as a whole
   */
  constructor(
    data: ActivationFolder,
    training: readonly RowRange[],
    { seed, tokens, longest }: { readonly seed: number; readonly tokens: number; readonly longest: number },
  ) {
    if (data.shards.some(({ sequences }) => sequences.length === 0))
      throw new UsageError(
        '--kl needs passages from their beginning, but these activations do not say where one begins; train on --corpus, --selection or a folder that ssae harvest filled',
      );
    this.#passages = wholeWithin(data, training);
    if (this.#passages.length === 0)
      throw new WorkError(
        'no passage is trained on as a whole, because blocks of rows are held out: the text is one long passage. --kl needs text of several passages',
      );
    this.#reader = new ActivationReader(data);
    this.#seed = seed;
    this.#tokens = tokens;
    this.#longest = longest;
  }

  #passageAt(place: number): RowRange {
    const { length } = this.#passages;
    const epoch = Math.floor(place / length);
    if (this.#order?.epoch !== epoch) {
      const places = randomFor(this.#seed, 'whole passages', epoch).shuffle(Uint32Array.from({ length }, (_, i) => i));
      this.#order = { epoch, places };
    }
    return this.#passages[this.#order.places[place % length]!]!;
  }

  #ranges(from: number): RowRange[] {
    const ranges: RowRange[] = [];
    for (let room = this.#tokens; room > 0;) {
      const { first, end } = this.#passageAt(from + ranges.length);
      const rows = Math.min(end - first, this.#longest, room);
      ranges.push({ first, end: first + rows });
      room -= rows;
    }
    return ranges;
  }

  /** @param batch counted from 0 */
  async deal(batch: number): Promise<PassageBatch> {
    if (this.#taken.batches > batch) this.#taken = { batches: 0, passages: 0 };
    while (this.#taken.batches < batch) this.#take();
    const ranges = this.#take();
    return {
      values: await this.#reader.read(ranges),
      rows: Float64Array.from(
        ranges.flatMap(({ first, end }) => Array.from({ length: end - first }, (_, i) => first + i)),
      ),
      passages: Float64Array.from(ranges.flatMap(({ first, end }, place) => Array<number>(end - first).fill(place))),
      lengths: ranges.map(({ first, end }) => end - first),
    };
  }

  #take(): RowRange[] {
    const ranges = this.#ranges(this.#taken.passages);
    this.#taken = { batches: this.#taken.batches + 1, passages: this.#taken.passages + ranges.length };
    return ranges;
  }
}
