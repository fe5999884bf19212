const FIRST_SLOTS = 1 << 12;

/** Open addressing with linear probing over doubles: 16 to 32 bytes a number, no objects. 0 marks an empty slot. */
class Slots {
  size = 0;
  #slots = new Float64Array(FIRST_SLOTS);

  has(value: number): boolean {
    return this.#slots[this.#slotOf(value)] === value;
  }

  add(value: number): void {
    const slot = this.#slotOf(value);
    if (this.#slots[slot] === value) return;
    this.#slots[slot] = value;
    if (++this.size * 2 > this.#slots.length) this.#grow();
  }

  #slotOf(value: number): number {
    const mask = this.#slots.length - 1;
    let slot = (Math.imul(value % 0x100000000, 0x9e3779b1) >>> 4) & mask;
    while (this.#slots[slot] !== 0 && this.#slots[slot] !== value) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Float64Array(old.length * 2);
    for (const value of old) if (value !== 0) this.#slots[this.#slotOf(value)] = value;
  }
}

/**
 * A set of hashes (whole numbers from 1 to 2⁵³ − 1) with a limit: when half the limit has come in, the half before it is
 * forgotten. So memory stays below 16 bytes × `limit` (a power of two), the newest `limit / 2` are always known, and nothing is ever known that was not added.
 */
export class NumberSet {
  readonly #half: number;
  #current = new Slots();
  #previous = new Slots();

  constructor(limit = Infinity) {
    this.#half = limit / 2;
  }

  has(value: number): boolean {
    return this.#current.has(value) || this.#previous.has(value);
  }

  add(value: number): void {
    this.#current.add(value);
    if (this.#current.size < this.#half) return;
    this.#previous = this.#current;
    this.#current = new Slots();
  }
}

/** The first 52 bits of a hash in hexadecimal, as a member of a {@link NumberSet}. */
export function hashNumber(hexadecimal: string): number {
  return parseInt(hexadecimal.slice(0, 13), 16) + 1;
}
