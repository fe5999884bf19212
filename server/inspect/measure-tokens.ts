import { UsageError } from '../foundation/errors.ts';
import type { Measure } from '../protocol/token-readings.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import { checkFeature } from './inspect-text.ts';
import type { SegmentReading } from './segment-reader.ts';

/** Gives every token of a segment its number. `baseline` is the other dictionary's reading, for the difference. */
export type TokenMeasure = (reading: SegmentReading, baseline: SegmentReading | null) => Float32Array;

/** @throws UsageError when a feature does not exist, or the dictionary's densities are asked for and nobody counted them */
export function tokenMeasure(measure: Measure, dictionary: Dictionary, hidden: readonly number[]): TokenMeasure {
  const { dSae } = dictionary.shape;
  const hides = new Set(hidden);
  switch (measure.kind) {
    case 'features': {
      for (const feature of measure.features) checkFeature(feature, dSae, dictionary.name);
      const wanted = new Set(measure.features);
      return (reading) => sumOf(reading, (feature) => wanted.has(feature));
    }
    case 'rare': {
      const { densities } = dictionary;
      if (densities === null)
        throw new UsageError(
          `dictionary ${dictionary.name} does not say how often its features fire, so none of them is known to be rare; count with: ssae dictionary count ${dictionary.name} --corpus CORPUS`,
        );
      // Shares are float32: 0.001 among them is a little more than 0.001.
      const maximumDensity = Math.fround(measure.maximumDensity);
      return (reading) =>
        sumOf(reading, (feature) => densities.shares[feature]! <= maximumDensity && !hides.has(feature));
    }
    case 'strongest':
      return (reading) => strongestOf(reading, hides);
    case 'error':
      return ({ errors }) => errors;
    case 'difference':
      return ({ errors }, baseline) => errors.map((error, token) => baseline!.errors[token]! - error);
  }
}

function sumOf({ features: { offsets, features, values } }: SegmentReading, counts: (feature: number) => boolean) {
  return Float32Array.from({ length: offsets.length - 1 }, (_, token) => {
    let sum = 0;
    for (let i = offsets[token]!; i < offsets[token + 1]!; i++) if (counts(features[i]!)) sum += values[i]!;
    return sum;
  });
}

function strongestOf(
  { features: { offsets, features, values } }: SegmentReading,
  hides: ReadonlySet<number>,
): Float32Array {
  return Float32Array.from({ length: offsets.length - 1 }, (_, token) => {
    let strongest = 0;
    for (let i = offsets[token]!; i < offsets[token + 1]!; i++)
      if (values[i]! > strongest && !hides.has(features[i]!)) strongest = values[i]!;
    return strongest;
  });
}
