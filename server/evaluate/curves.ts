import type { FeatureTally } from './feature-tally.ts';
import {
  coverageByFrequency,
  coverageCurve,
  type CoveragePoint,
  type FrequencyBin,
  type TypeCount,
} from './tail-coverage.ts';

/** Measure 8: reconstruction error of token types whose frequency rank (1 is the commonest) lies in [firstRank, lastRank]. */
export interface ErrorByRank {
  readonly firstRank: number;
  readonly lastRank: number;
  /** Mean of ‖x − x̂‖² over the bin's tokens. */
  readonly mean: number;
  readonly maximum: number;
}

/** Plots of one dictionary; at most a few hundred points each, whatever the dictionary's size. */
export interface DictionaryCurves {
  readonly coverage: readonly CoveragePoint[];
  readonly coverageByFrequency: readonly FrequencyBin[];
  /** Measure 6: [rank, fires], ranks log-spaced from 1, the most frequent feature. */
  readonly firesByRank: readonly (readonly [rank: number, fires: number])[];
  readonly errorByRank: readonly ErrorByRank[];
}

export interface EvaluationCurves {
  readonly dictionary: DictionaryCurves;
  readonly baseline: DictionaryCurves | null;
  /** Measure 7: log(fires / fires of the same feature in the baseline), sorted; null without a baseline of the same width. */
  readonly logRatios: {
    /** Quantiles at even shares from 0 to 1. */
    readonly quantiles: readonly number[];
    /** Features that fired in both; the ratio of the others is not defined. */
    readonly features: number;
    readonly onlyDictionary: number;
    readonly onlyBaseline: number;
  } | null;
}

const POINTS = 200;

/** Errors of each token type. */
export class TypeErrors {
  readonly #sums = new Map<number, { tokens: number; sum: number; maximum: number }>();

  add(type: number, squaredError: number): void {
    const entry = this.#sums.get(type) ?? { tokens: 0, sum: 0, maximum: 0 };
    entry.tokens++;
    entry.sum += squaredError;
    entry.maximum = Math.max(entry.maximum, squaredError);
    this.#sums.set(type, entry);
  }

  /** @param types tail first */
  byRank(types: readonly TypeCount[]): ErrorByRank[] {
    const bins: ErrorByRank[] = [];
    for (let firstRank = 1; firstRank <= types.length;) {
      const lastRank = Math.min(types.length, Math.max(firstRank, Math.floor(firstRank * 1.25)));
      const entries = types
        .slice(types.length - lastRank, types.length - firstRank + 1)
        .map(({ type }) => this.#sums.get(type)!);
      const tokens = entries.reduce((sum, entry) => sum + entry.tokens, 0);
      bins.push({
        firstRank,
        lastRank,
        mean: entries.reduce((sum, entry) => sum + entry.sum, 0) / tokens,
        maximum: entries.reduce((maximum, entry) => Math.max(maximum, entry.maximum), 0),
      });
      firstRank = lastRank + 1;
    }
    return bins;
  }
}

/** Every point of a short curve, evenly many of a long one, first and last kept. */
function thinned<T>(points: readonly T[]): T[] {
  if (points.length <= POINTS) return [...points];
  return Array.from({ length: POINTS }, (_, i) => points[Math.round((i * (points.length - 1)) / (POINTS - 1))]!);
}

function firesByRank(tally: FeatureTally): [number, number][] {
  const sorted = Float64Array.from(tally.fires).sort().reverse();
  const ranks = new Set<number>();
  for (let i = 0; i < POINTS; i++) ranks.add(Math.round(sorted.length ** (i / (POINTS - 1))));
  return [...ranks].map((rank) => [rank, sorted[rank - 1]!]);
}

export function logRatios(dictionary: FeatureTally, baseline: FeatureTally): EvaluationCurves['logRatios'] {
  if (dictionary.fires.length !== baseline.fires.length) return null;
  const ratios: number[] = [];
  let [onlyDictionary, onlyBaseline] = [0, 0];
  dictionary.fires.forEach((fires, feature) => {
    const before = baseline.fires[feature]!;
    if (fires > 0 && before > 0) ratios.push(Math.log(fires / before));
    else if (fires > 0) onlyDictionary++;
    else if (before > 0) onlyBaseline++;
  });
  ratios.sort((a, b) => a - b);
  return { quantiles: thinned(ratios), features: ratios.length, onlyDictionary, onlyBaseline };
}

export function dictionaryCurves(
  tally: FeatureTally,
  errors: TypeErrors,
  types: readonly TypeCount[],
  covered: ReadonlySet<number>,
): DictionaryCurves {
  return {
    coverage: thinned(coverageCurve(types, covered)),
    coverageByFrequency: coverageByFrequency(types, covered),
    firesByRank: firesByRank(tally),
    errorByRank: errors.byRank(types),
  };
}
