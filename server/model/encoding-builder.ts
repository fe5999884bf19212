import type { Encoding } from '../foundation/encoding.ts';

/** Puts an encoding together token by token: each begins where the one before ended. */
export class EncodingBuilder {
  readonly #special: number;
  readonly #ids: number[];
  readonly #ends: number[];

  /** @param prefix ids of the special tokens that every text begins with */
  constructor(prefix: readonly number[]) {
    this.#special = prefix.length;
    this.#ids = [...prefix];
    this.#ends = prefix.map(() => 0);
  }

  /** @param end UTF-16 offset in the text, at least the end of the token before */
  add(id: number, end: number): void {
    this.#ids.push(id);
    this.#ends.push(end);
  }

  /** What no token shows at the text's end (white space that was dropped) goes to the last. */
  finish(textLength: number): Encoding {
    const ends = Uint32Array.from(this.#ends);
    if (ends.length > this.#special) ends[ends.length - 1] = textLength;
    const starts = new Uint32Array(ends.length);
    starts.set(ends.subarray(0, -1), Math.min(1, ends.length));
    const special = new Uint8Array(ends.length).fill(1, 0, this.#special);
    return { ids: Int32Array.from(this.#ids), starts, ends, special };
  }
}
