import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { UsageError } from '../foundation/errors.ts';
import type { RowRange } from './held-out-split.ts';

/**
 * Which rows of a folder are one passage's: a sequence of its shards, which is a stored passage or, of one that is longer than the
 * model's context, the part that was read at once.
 */
export class Passages {
  /** [passages + 1] first row of each, then the number of rows */
  readonly #firstRows: Float64Array;

  /** @throws UsageError when the folder does not say where passages begin */
  constructor(data: ActivationFolder) {
    if (data.shards.some(({ sequences }) => sequences.length === 0))
      throw new UsageError(
        'the objective tilts passages, but these activations do not say which rows belong to one passage; train on --corpus or --selection, or leave --passages out',
      );
    const lengths = data.shards
      .flatMap(({ sequences }) => sequences.map(({ rows }) => rows))
      .filter((rows) => rows > 0);
    this.#firstRows = new Float64Array(lengths.length + 1);
    lengths.forEach((rows, i) => (this.#firstRows[i + 1] = this.#firstRows[i]! + rows));
  }

  get count(): number {
    return this.#firstRows.length - 1;
  }

  /** [rows] the passage of each row */
  of(rows: Float64Array): Float64Array {
    return rows.map((row) => this.#at(row));
  }

  /** The parts of these ranges that lie in one passage each, in their order. */
  within(ranges: readonly RowRange[]): RowRange[] {
    const parts: RowRange[] = [];
    for (const { first, end } of ranges)
      for (let at = first; at < end;) {
        const next = Math.min(end, this.#firstRows[this.#at(at) + 1]!);
        parts.push({ first: at, end: next });
        at = next;
      }
    return parts;
  }

  /** The last passage that does not begin after the row. */
  #at(row: number): number {
    let [low, high] = [0, this.count];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#firstRows[middle]! <= row) low = middle;
      else high = middle;
    }
    return low;
  }
}
