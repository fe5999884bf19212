import type { EngineDictionary, SparseFeatures } from '../compute/engine.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import { dictionaryCurves, TypeErrors, type DictionaryCurves } from './curves.ts';
import { FeatureTally } from './feature-tally.ts';
import { reconstructionSums, type ReconstructionSums } from './reconstruction-metrics.ts';
import type { SplicedSums } from './spliced-metrics.ts';
import { coveredTypes, type CoverageRule, type TypeCount } from './tail-coverage.ts';

/** A dictionary and the engine that runs it; the engine's side is the caller's to dispose. */
export interface LoadedDictionary {
  readonly dictionary: Dictionary;
  readonly engine: EngineDictionary;
}

export type DictionarySums = ReconstructionSums & SplicedSums;

/** Ordinary tokens of several sequences, one after the other. */
export interface TokenBatch {
  /** [tokens, d_in] */
  readonly activations: Float32Array;
  /** [tokens] token ids */
  readonly types: Int32Array;
  /** [sequences + 1] where each sequence's tokens begin */
  readonly offsets: readonly number[];
}

/** One dictionary under evaluation: its features and errors so far. */
export class EvaluatedDictionary {
  readonly dictionary: Dictionary;
  readonly tally: FeatureTally;
  readonly #engine: EngineDictionary;
  readonly #errors = new TypeErrors();

  constructor({ dictionary, engine }: LoadedDictionary, contextsPerFeature: number) {
    this.dictionary = dictionary;
    this.#engine = engine;
    this.tally = new FeatureTally(dictionary.shape.dSae, contextsPerFeature);
  }

  /** @returns x̂ [tokens, d_in] of each sequence, with its sums */
  async reconstruct(batch: TokenBatch): Promise<{ reconstruction: Float32Array; sums: ReconstructionSums }[]> {
    const features = await this.#engine.encode(batch.activations);
    const reconstructions = await this.#engine.decode(features);
    const { dIn } = this.dictionary.shape;
    this.tally.add(features, batch.types);
    this.#addErrors(batch, reconstructions, dIn);
    return batch.offsets.slice(1).map((end, index) => {
      const start = batch.offsets[index]!;
      const reconstruction = reconstructions.subarray(start * dIn, end * dIn);
      const activations = batch.activations.subarray(start * dIn, end * dIn);
      const sums = reconstructionSums(activations, reconstruction, dIn, activeBetween(features, start, end));
      return { reconstruction, sums };
    });
  }

  #addErrors({ activations, types }: TokenBatch, reconstructions: Float32Array, dIn: number): void {
    types.forEach((type, token) => {
      let error = 0;
      for (let i = token * dIn; i < (token + 1) * dIn; i++) error += (activations[i]! - reconstructions[i]!) ** 2;
      this.#errors.add(type, error);
    });
  }

  covered(rule: CoverageRule): Set<number> {
    return coveredTypes(this.tally, rule);
  }

  curves(types: readonly TypeCount[], covered: ReadonlySet<number>): DictionaryCurves {
    return dictionaryCurves(this.tally, this.#errors, types, covered);
  }
}

function activeBetween({ offsets, values }: SparseFeatures, start: number, end: number): number {
  let active = 0;
  for (let i = offsets[start]!; i < offsets[end]!; i++) if (values[i] !== 0) active++;
  return active;
}
