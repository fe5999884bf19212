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
export async function metricsOfDocuments(
  matrix: Float64Array,
  columns: number,
  dIn: number,
  hasBaseline: boolean,
  random: Random,
): Promise<Record<string, Metric>> {
  const width = columns * (hasBaseline ? 2 : 1);
  const definitions: readonly MetricDefinition<DictionarySums>[] = [...reconstructionMetrics(dIn), ...SPLICED_METRICS];
  const totals = columnTotals(matrix, width);
  const compared = definitions.map(
    ({ statistic }) =>
      (total: Float64Array): number =>
        statistic(sumsAt(total, 0)) - (hasBaseline ? statistic(sumsAt(total, 1)) : 0),
  );
  const intervals = await bootstrapIntervals(matrix, width, compared, random);
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

const SHARES: readonly {
  readonly name: string;
  readonly formula: string;
  readonly condition: (density: number) => boolean;
}[] = [
  { name: 'dead_share', formula: 'share of features that fired on no token', condition: (density) => density === 0 },
  {
    name: 'share_above_1_percent',
    formula: 'share of features that fired on more than 1 % of tokens',
    condition: (density) => density > 0.01,
  },
  {
    name: 'share_above_10_percent',
    formula: 'share of features that fired on more than 10 % of tokens',
    condition: (density) => density > 0.1,
  },
];
const FEATURE_COLUMNS = 1 + SHARES.length;

/** Metrics that are shares of features. Documents cannot be resampled for these: a draw leaves documents out, and so always adds dead features. */
export async function metricsOfFeatures(
  dictionary: FeatureTally,
  baseline: FeatureTally | null,
  random: Random,
): Promise<Record<string, Metric>> {
  const tallies = baseline === null ? [dictionary] : [dictionary, baseline];
  const intervals = await bootstrapIntervals(
    featureRows(tallies),
    FEATURE_COLUMNS * tallies.length,
    SHARES.map(
      (_, index) =>
        (total: Float64Array): number =>
          total[index + 1]! / total[0]! -
          (baseline === null ? 0 : total[FEATURE_COLUMNS + index + 1]! / total[FEATURE_COLUMNS]!),
    ),
    random,
  );
  const n =
    `n = ${dictionary.fires.length} features, ${dictionary.tokens} tokens; ` +
    `95 % interval: ${RESAMPLES} ${baseline === null ? '' : 'paired '}bootstrap draws of features`;
  return Object.fromEntries(
    SHARES.map(({ name, formula, condition }, index) => [
      name,
      metric(dictionary.share(condition), baseline?.share(condition) ?? null, intervals[index]!, `${formula}; ${n}`),
    ]),
  );
}

/** One row a feature; of each tally: 1 where the feature exists, then 1 where each share's condition holds. */
function featureRows(tallies: readonly FeatureTally[]): Float64Array {
  const width = FEATURE_COLUMNS * tallies.length;
  const rows = new Float64Array(width * Math.max(...tallies.map(({ fires }) => fires.length)));
  for (const [index, { fires, tokens }] of tallies.entries())
    for (let feature = 0; feature < fires.length; feature++) {
      const density = fires[feature]! / tokens;
      const holds = SHARES.map(({ condition }) => (condition(density) ? 1 : 0));
      rows.set([1, ...holds], feature * width + index * FEATURE_COLUMNS);
    }
  return rows;
}

/** Tail coverage (method.md, measures 4 and 5), with intervals over token types: what a feature is about depends on all documents at once. */
export async function metricsOfTypes(
  types: readonly TypeCount[],
  covered: readonly ReadonlySet<number>[],
  rule: CoverageRule & { readonly contexts: number },
  random: Random,
): Promise<Record<string, Metric>> {
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
      (await bootstrapIntervals(rows, 3, [difference], random))[0]!,
      formula,
    ),
  };
}
