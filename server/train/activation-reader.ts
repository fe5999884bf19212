import { WorkError } from '../foundation/errors.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { SafetensorsFile } from '../foundation/safetensors.ts';
import type { RowRange } from './held-out-split.ts';

/** Reads ranges of a folder's rows, whichever shards they lie in. */
export class ActivationReader {
  readonly #data: ActivationFolder;
  readonly #tensor: string;
  /** [shards + 1] first row of each shard */
  readonly #firstRows: number[] = [0];

  constructor(data: ActivationFolder) {
    this.#data = data;
    this.#tensor = data.tensor ?? 'activations';
    for (const { rows } of data.shards) this.#firstRows.push(this.#firstRows.at(-1)! + rows);
    if (this.#firstRows.at(-1) !== data.rows)
      throw new WorkError(
        `the activations' shards hold ${this.#firstRows.at(-1)} rows, their folder says ${data.rows}; harvest them again`,
      );
  }

  /** Rows of the ranges one after the other, [rows, d_in]. A shard is opened once for all ranges in it. */
  async read(ranges: readonly RowRange[]): Promise<Float32Array> {
    const { dIn, shards } = this.#data;
    const result = new Float32Array(ranges.reduce((sum, { first, end }) => sum + end - first, 0) * dIn);
    for (const [index, { path, rows }] of shards.entries()) {
      const start = this.#firstRows[index]!;
      if (!ranges.some(({ first, end }) => first < start + rows && end > start)) continue;
      await using file = await SafetensorsFile.open(path);
      this.#check(file, rows);
      let at = 0;
      for (const { first, end } of ranges) {
        const from = Math.max(first, start);
        const to = Math.min(end, start + rows);
        if (from < to) {
          const values = await file.float32(this.#tensor, (from - start) * dIn, (to - from) * dIn);
          result.set(values, (at + from - first) * dIn);
        }
        at += end - first;
      }
    }
    return result;
  }

  #check(file: SafetensorsFile, rows: number): void {
    const { shape } = file.entry(this.#tensor);
    const { dIn } = this.#data;
    if (shape.length !== 2 || shape[0] !== rows || shape[1] !== dIn)
      throw new WorkError(
        `${file.path}: tensor "${this.#tensor}" is [${shape.join(', ')}], expected [${rows}, ${dIn}]; harvest it again`,
      );
  }
}
