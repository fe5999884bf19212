import type { SparseFeatures } from '../compute/engine.ts';
import { StrongestOfGroups } from '../foundation/strongest.ts';
import { FIRST_OCTAVE, OCTAVES } from './feature-index.ts';
import { KeptActivations } from './kept-activations.ts';
import { OctaveSamples } from './octave-samples.ts';

/**
 * Gathers a feature index over a stream of passages: memory is [d_sae, passages kept of each and of its octaves], their activations and
 * 16 characters a passage.
 */
export class FeatureIndexBuilder {
  tokens = 0;
  /** [d_sae] */
  readonly fires: Uint32Array;
  /** [d_sae, OCTAVES] */
  readonly histogram: Uint32Array;
  /** Items are places in `passageIds`. */
  readonly strongest: StrongestOfGroups;
  readonly samples: OctaveSamples;
  readonly passageIds: string[] = [];
  /** Of the passages that `strongest` and `samples` hold. */
  readonly activations: KeptActivations;

  constructor(dSae: number, passagesPerFeature: number) {
    this.fires = new Uint32Array(dSae);
    this.histogram = new Uint32Array(dSae * OCTAVES);
    this.strongest = new StrongestOfGroups(dSae, passagesPerFeature);
    this.samples = new OctaveSamples(dSae);
    this.activations = new KeptActivations(
      dSae,
      (feature) => new Set([...this.strongest.itemsOf(feature), ...this.samples.itemsOf(feature)]),
    );
  }

  /**
   * Adds the passage whose tokens are rows [from, to) of `features`; rows where `special` is 1 do not count.
   * @param id 16 hexadecimal digits of a hash: the draw of samples takes its chance from it
   */
  add(id: string, { offsets, features, values }: SparseFeatures, from: number, to: number, special: Uint8Array): void {
    const maxima = new Map<number, number>();
    for (let row = from; row < to; row++) {
      if (special[row - from] === 1) continue;
      this.tokens++;
      for (let i = offsets[row]!; i < offsets[row + 1]!; i++) {
        const [feature, value] = [features[i]!, values[i]!];
        this.fires[feature]!++;
        this.histogram[feature * OCTAVES + octaveOf(value)]!++;
        if (value > (maxima.get(feature) ?? 0)) maxima.set(feature, value);
        this.activations.add(feature, this.passageIds.length, row - from, value);
      }
    }
    const chance = parseInt(id.slice(0, 8), 16);
    for (const [feature, maximum] of maxima) {
      this.strongest.add(feature, maximum, this.passageIds.length);
      this.samples.add(feature, octaveOf(maximum), chance, this.passageIds.length);
    }
    this.passageIds.push(id);
  }
}

function octaveOf(activation: number): number {
  return Math.min(OCTAVES - 1, Math.max(0, Math.floor(Math.log2(activation)) - FIRST_OCTAVE));
}
