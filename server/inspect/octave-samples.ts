import { StrongestOfGroups } from '../foundation/strongest.ts';

/** Octaves of activation that samples are kept of, from a feature's strongest down, and passages of each. */
export const SAMPLED_OCTAVES = 8;
export const SAMPLES_PER_OCTAVE = 4;

/**
 * A few passages of each of a feature's octaves of activation, drawn uniformly from those that were added: what lies between the strongest
 * ones and silence. Memory is [d_sae, SAMPLED_OCTAVES, SAMPLES_PER_OCTAVE], whatever is added.
 */
export class OctaveSamples {
  /** [d_sae, SAMPLED_OCTAVES] 1 + the octave that a place holds, 0 for none: octave o has place o modulo SAMPLED_OCTAVES. */
  readonly octaves: Uint8Array;
  /** A group for each place; scores are the draw's, not activations. */
  readonly drawn: StrongestOfGroups;

  constructor(dSae: number) {
    this.octaves = new Uint8Array(dSae * SAMPLED_OCTAVES);
    this.drawn = new StrongestOfGroups(dSae * SAMPLED_OCTAVES, SAMPLES_PER_OCTAVE);
  }

  /** Items of all octaves of a feature. */
  *itemsOf(feature: number): Generator<number, void, undefined> {
    for (let place = feature * SAMPLED_OCTAVES; place < (feature + 1) * SAMPLED_OCTAVES; place++)
      yield* this.drawn.itemsOf(place);
  }

  /** @param chance of the passage, 32 random bits: the passages with the largest stay, so that the same ones do whatever their order */
  add(feature: number, octave: number, chance: number, passage: number): void {
    const place = feature * SAMPLED_OCTAVES + (octave % SAMPLED_OCTAVES);
    if (octave + 1 < this.octaves[place]!) return;
    if (octave + 1 > this.octaves[place]!) {
      // The feature fires more strongly than was known: the octave at the far end gives way.
      this.octaves[place] = octave + 1;
      this.drawn.kept[place] = 0;
    }
    this.drawn.add(place, scrambled(chance ^ Math.imul(feature + 1, 0x9e3779b1)), passage);
  }
}

/** Features draw apart from each other, else every page would show the same passages. */
function scrambled(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
