import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { JumpableRandomGenerator } from 'pure-rand/types/JumpableRandomGenerator';

/**
 * The one source of chance. The same seed and the same calls give the same numbers on every platform; the state can be
 * stored in a checkpoint and taken up again.
 */
export class Random {
  #generator: JumpableRandomGenerator;

  constructor(seed: number | readonly number[]) {
    this.#generator = typeof seed === 'number' ? xoroshiro128plus(seed) : xoroshiro128plusFromState(seed);
  }

  /** State to pass to the constructor later. */
  get state(): readonly number[] {
    return this.#generator.getState();
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** Uniform whole number in [0, bound). */
  below(bound: number): number {
    return uniformInt(this.#generator, 0, bound - 1);
  }

  /** Standard normal (Box-Muller; one draw a call, so that the state needs no spare). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Fisher-Yates, in place. */
  shuffle<T extends { length: number; [index: number]: number }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const kept = items[i]!;
      items[i] = items[j]!;
      items[j] = kept;
    }
    return items;
  }
}
