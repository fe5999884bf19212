import type { FeatureTally } from './feature-tally.ts';

/** When a token type has a feature: measure 4 of docs/metrics.md. */
export interface CoverageRule {
  /** Share of a feature's strongest contexts that must be the type. */
  readonly threshold: number;
  /** A feature that fired less often is no evidence of anything. */
  readonly minimumContexts: number;
}

export const DEFAULT_RULE: CoverageRule = { threshold: 0.5, minimumContexts: 2 };
/** The tail: the rarest types that together make this share of the tokens. */
export const TAIL_SHARE = 0.5;

/** A token type, tail first: rarest first, equal counts by id. */
export interface TypeCount {
  readonly type: number;
  readonly count: number;
}

/** @param counts tokens of each type, by id */
export function tailFirst(counts: ReadonlyMap<number, number>): TypeCount[] {
  return [...counts].map(([type, count]) => ({ type, count })).sort((a, b) => a.count - b.count || a.type - b.type);
}

/** Token types that have a feature: some feature's strongest contexts are at least `threshold` of that type. */
export function coveredTypes(tally: FeatureTally, rule: CoverageRule = DEFAULT_RULE): Set<number> {
  const covered = new Set<number>();
  const counts = new Map<number, number>();
  for (let feature = 0; feature < tally.fires.length; feature++) {
    const contexts = tally.contexts(feature);
    if (contexts.length < rule.minimumContexts) continue;
    counts.clear();
    for (const type of contexts) counts.set(type, (counts.get(type) ?? 0) + 1);
    for (const [type, count] of counts) if (count >= rule.threshold * contexts.length) covered.add(type);
  }
  return covered;
}

/** The longest run of rarest types that together make at most `share` of the tokens. */
export function tailOf(types: readonly TypeCount[], share = TAIL_SHARE): readonly TypeCount[] {
  const total = types.reduce((sum, { count }) => sum + count, 0);
  let [cumulative, end] = [0, 0];
  while (end < types.length && cumulative + types[end]!.count <= share * total) cumulative += types[end++]!.count;
  return types.slice(0, end);
}

/** Share of the tail's tokens whose type has a feature. NaN for an empty tail. */
export function tailCoverage(tail: readonly TypeCount[], covered: ReadonlySet<number>): number {
  let [all, withFeature] = [0, 0];
  for (const { type, count } of tail) {
    all += count;
    if (covered.has(type)) withFeature += count;
  }
  return withFeature / all;
}

/** Measure 5: how much of the tokens the covered types make, going from the rarest type to the commonest. */
export interface CoveragePoint {
  /** Cumulative share of tokens. */
  readonly tokens: number;
  /** Cumulative tokens with a feature over ALL tokens: recall; ends at the share covered. */
  readonly covered: number;
  /** The same over all tokens WITH a feature, as the paper draws it: allocation, not recall; ends at 1. */
  readonly normalised: number;
}

/** The curve after each type; the first point is the origin. */
export function coverageCurve(types: readonly TypeCount[], covered: ReadonlySet<number>): CoveragePoint[] {
  const total = types.reduce((sum, { count }) => sum + count, 0);
  const totalCovered = types.reduce((sum, { type, count }) => sum + (covered.has(type) ? count : 0), 0);
  let [tokens, withFeature] = [0, 0];
  const points: CoveragePoint[] = [{ tokens: 0, covered: 0, normalised: 0 }];
  for (const { type, count } of types) {
    tokens += count;
    if (covered.has(type)) withFeature += count;
    points.push({
      tokens: tokens / total,
      covered: withFeature / total,
      normalised: totalCovered === 0 ? 0 : withFeature / totalCovered,
    });
  }
  return points;
}

/** Measure 4 for types whose count lies in [from, 2·from). */
export interface FrequencyBin {
  readonly from: number;
  readonly types: number;
  /** Share of these types that have a feature. */
  readonly covered: number;
}

/** Share of types with a feature, by count in powers of two; empty bins are left out. */
export function coverageByFrequency(types: readonly TypeCount[], covered: ReadonlySet<number>): FrequencyBin[] {
  const bins = new Map<number, { types: number; covered: number }>();
  for (const { type, count } of types) {
    const from = 2 ** Math.floor(Math.log2(count));
    const bin = bins.get(from) ?? { types: 0, covered: 0 };
    bin.types++;
    if (covered.has(type)) bin.covered++;
    bins.set(from, bin);
  }
  return [...bins].map(([from, bin]) => ({ from, types: bin.types, covered: bin.covered / bin.types }));
}
