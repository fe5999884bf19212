import type { ActivationScale } from '../sae/canonical.ts';
import type { Batch, RowSource } from './batches.ts';

/**
 * Rows of two sources, interleaved evenly: row n of all that is dealt, counted from 0, is general where ⌊(n + 1) · share⌋ > ⌊n · share⌋.
 * So the share holds in every batch to within a row and over the run exactly, and where either source stands follows from n.
 */
export class MixedSource implements RowSource {
  readonly #own: RowSource;
  readonly #general: RowSource;
  readonly #share: number;
  #dealt = 0;

  /** @param share of the rows that are general, 0 to 1 */
  constructor(own: RowSource, general: RowSource, share: number) {
    this.#own = own;
    this.#general = general;
    this.#share = share;
  }

  get position(): number {
    return this.#dealt;
  }

  #generalBefore(row: number): number {
    return Math.floor(row * this.#share);
  }

  async seek(position: number): Promise<void> {
    const general = this.#generalBefore(position);
    await this.#own.seek(position - general);
    await this.#general.seek(general);
    this.#dealt = position;
  }

  async deal(tokens: number, scale: ActivationScale, step: number): Promise<Batch> {
    const first = this.#dealt;
    const isGeneral = Uint8Array.from({ length: tokens }, (_, i) =>
      this.#generalBefore(first + i + 1) > this.#generalBefore(first + i) ? 1 : 0,
    );
    const count = this.#generalBefore(first + tokens) - this.#generalBefore(first);
    const own = await this.#own.deal(tokens - count, scale, step);
    const general = await this.#general.deal(count, scale, step);
    this.#dealt += tokens;
    return interleaved(own, general, isGeneral);
  }
}

function interleaved(own: Batch, general: Batch, isGeneral: Uint8Array): Batch {
  const places = placesOf(isGeneral);
  const rowsOf = (of: (batch: Batch) => Float32Array): Float32Array => {
    const parts = [of(own), of(general)] as const;
    const width = (parts[0].length + parts[1].length) / isGeneral.length;
    const joined = new Float32Array(parts[0].length + parts[1].length);
    places.forEach((at, token) => {
      joined.set(parts[isGeneral[token]!]!.subarray(at * width, (at + 1) * width), token * width);
    });
    return joined;
  };
  const numbers = (of: (batch: Batch, at: number) => number): Float64Array =>
    Float64Array.from(places, (at, token) => of(isGeneral[token] === 1 ? general : own, at));
  return {
    values: rowsOf(({ values }) => values),
    targets: own.targets === null ? null : rowsOf(({ targets }) => targets!),
    rows: numbers(({ rows }, at) => rows[at]!),
    // Passages of the two never have one number.
    passages:
      own.passages === null
        ? null
        : numbers((batch, at) => (batch === general ? -1 - batch.passages![at]! : batch.passages![at]!)),
    isGeneral,
  };
}

/** [tokens] which row of its own source each is. */
function placesOf(isGeneral: Uint8Array): number[] {
  const next = [0, 0];
  return Array.from(isGeneral, (source) => next[source]!++);
}
