import type { Random } from '../foundation/random.ts';
import type { Metric } from '../protocol/results.ts';
import { bootstrapIntervals, RESAMPLES, type Interval } from './bootstrap.ts';
import { columnTotals, sumsAt } from './document-sums.ts';
import type { DictionarySums } from './evaluated-dictionary.ts';
import type { FeatureTally } from './feature-tally.ts';
import type { MetricDefinition } from './metric.ts';
import { reconstructionMetrics } from './reconstruction-metrics.ts';
import { SPLICED_METRICS } from './spliced-metrics.ts';
import { tailCoverage, tailOf, TAIL_SHARE, type CoverageRule, type TypeCount } from './tail-coverage.ts';

function metric(value: number, baseline: number | null, interval: Interval, formula: string): Metric {
  return { value, baseline, difference: baseline === null ? null : value - baseline, ...interval, formula };
}

/**
 * Metrics of sums over tokens, with intervals over documents.
 * @param matrix [documents, dictionaries · columns], see `DocumentSums.matrix`
 */
export function metricsOfDocuments(
  matrix: Float64Array,
  columns: number,
  dIn: number,
  hasBaseline: boolean,
  random: Random,
): Record<string, Metric> {
  const width = columns * (hasBaseline ? 2 : 1);
  const definitions: readonly MetricDefinition<DictionarySums>[] = [...reconstructionMetrics(dIn), ...SPLICED_METRICS];
  const totals = columnTotals(matrix, width);
  const compared = definitions.map(
    ({ statistic }) =>
      (total: Float64Array): number =>
        statistic(sumsAt(total, 0)) - (hasBaseline ? statistic(sumsAt(total, 1)) : 0),
  );
  const intervals = bootstrapIntervals(matrix, width, compared, random);
  const sums = sumsAt(totals, 0);
  const n =
    `n = ${sums.tokens} tokens, ${sums.predictions} predictions, ${matrix.length / width} documents; ` +
    `95 % interval${hasBaseline ? ' of the difference' : ''}: ${RESAMPLES} ${hasBaseline ? 'paired ' : ''}bootstrap draws of documents`;
  return Object.fromEntries(
    definitions.map(({ name, formula, statistic }, index) => [
      name,
      metric(statistic(sums), hasBaseline ? statistic(sumsAt(totals, 1)) : null, intervals[index]!, `${formula}; ${n}`),
    ]),
  );
}

/** Metrics that are shares of features. Documents cannot be resampled for these: a draw leaves documents out, and so always adds dead features. */
export function metricsOfFeatures(
  dictionary: FeatureTally,
  baseline: FeatureTally | null,
  random: Random,
): Record<string, Metric> {
  const shares: [name: string, formula: string, condition: (density: number) => boolean][] = [
    ['dead_share', 'share of features that fired on no token', (density) => density === 0],
    ['share_above_1_percent', 'share of features that fired on more than 1 % of tokens', (density) => density > 0.01],
    ['share_above_10_percent', 'share of features that fired on more than 10 % of tokens', (density) => density > 0.1],
  ];
  return Object.fromEntries(
    shares.map(([name, formula, condition]) => {
      const [value, before] = [dictionary.share(condition), baseline === null ? null : baseline.share(condition)];
      const interval = shareDifference(dictionary, baseline, condition, random);
      const n = `n = ${dictionary.fires.length} features, ${dictionary.tokens} tokens`;
      const drawn = `95 % interval: ${RESAMPLES} ${baseline === null ? '' : 'paired '}bootstrap draws of features`;
      return [name, metric(value, before, interval, `${formula}; ${n}; ${drawn}`)];
    }),
  );
}

function shareDifference(
  dictionary: FeatureTally,
  baseline: FeatureTally | null,
  condition: (density: number) => boolean,
  random: Random,
): Interval {
  const holds = (tally: FeatureTally, feature: number): number =>
    feature < tally.fires.length && condition(tally.fires[feature]! / tally.tokens) ? 1 : 0;
  const units = Math.max(dictionary.fires.length, baseline?.fires.length ?? 0);
  const rows = new Float64Array(units * 4);
  for (let feature = 0; feature < units; feature++) {
    rows[4 * feature] = holds(dictionary, feature);
    rows[4 * feature + 1] = feature < dictionary.fires.length ? 1 : 0;
    if (baseline === null) continue;
    rows[4 * feature + 2] = holds(baseline, feature);
    rows[4 * feature + 3] = feature < baseline.fires.length ? 1 : 0;
  }
  const difference = (total: Float64Array): number =>
    total[0]! / total[1]! - (baseline === null ? 0 : total[2]! / total[3]!);
  return bootstrapIntervals(rows, 4, [difference], random)[0]!;
}

/** Tail coverage (method.md, measures 4 and 5), with intervals over token types: what a feature is about depends on all documents at once. */
export function metricsOfTypes(
  types: readonly TypeCount[],
  covered: readonly ReadonlySet<number>[],
  rule: CoverageRule & { readonly contexts: number },
  random: Random,
): Record<string, Metric> {
  const tail = tailOf(types);
  const [first, second = null] = covered as [ReadonlySet<number>, ReadonlySet<number>?];
  const rows = Float64Array.from(
    tail.flatMap(({ type, count }) => [
      count,
      first.has(type) ? count : 0,
      second !== null && second.has(type) ? count : 0,
    ]),
  );
  const difference = (total: Float64Array): number => (total[1]! - total[2]!) / total[0]!;
  const tokens = tail.reduce((sum, { count }) => sum + count, 0);
  const formula =
    `Σ count of tail token types with a feature / Σ count of tail token types; tail: the rarest types that make at most ${TAIL_SHARE} of the tokens; ` +
    `a type has a feature when it is ≥ ${rule.threshold} of some feature's ${rule.contexts} strongest contexts (at least ${rule.minimumContexts}); ` +
    `n = ${tail.length} types, ${tokens} tokens; 95 % interval: ${RESAMPLES} ${second === null ? '' : 'paired '}bootstrap draws of token types`;
  return {
    tail_coverage: metric(
      tailCoverage(tail, first),
      second === null ? null : tailCoverage(tail, second),
      bootstrapIntervals(rows, 3, [difference], random)[0]!,
      formula,
    ),
  };
}
