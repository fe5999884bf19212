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

  async deal(tokens: number, scale: number, step: number): Promise<Batch> {
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
  const tokens = isGeneral.length;
  const width = (own.values.length + general.values.length) / tokens;
  const values = new Float32Array(tokens * width);
  const rows = new Float64Array(tokens);
  const passages = own.passages === null ? null : new Float64Array(tokens);
  const next = [0, 0];
  isGeneral.forEach((general01, token) => {
    const from = general01 === 1 ? general : own;
    const at = next[general01]!++;
    values.set(from.values.subarray(at * width, (at + 1) * width), token * width);
    rows[token] = from.rows[at]!;
    // Passages of the two never have one number.
    if (passages !== null) passages[token] = general01 === 1 ? -1 - general.passages![at]! : own.passages![at]!;
  });
  return { values, rows, passages, isGeneral };
}
