/** What a report shows. Written into one HTML file by `reportPage`, drawn there by webviews/report. */
import type { Metric } from './results.ts';

/** What one retrieval arm found. */
export interface ReportedRetrieval {
  readonly arm: string;
  readonly passages: number;
  readonly tokens: number;
  /** Share of the passages that are of the domain, with its 95 % interval; all 0 to 1, null where nobody labelled the corpus. */
  readonly precision: number | null;
  readonly precisionLow: number | null;
  readonly precisionHigh: number | null;
  /** The domain's share of the corpus: the precision of drawing at random. */
  readonly baseRate: number | null;
  readonly seconds: number;
  /** Passages left out because they overlap a seed or the evaluation's text. */
  readonly overlapDropped: number;
}

/** Metrics of a dictionary on one held-out split. */
export interface ReportedSplit {
  readonly split: 'domain' | 'general';
  readonly tokens: number;
  readonly documents: number;
  readonly splitHash: string;
  /** In the order they are shown. Baseline: the dictionary before. */
  readonly metrics: Readonly<Record<string, Metric>>;
}

export interface ReportedDictionary {
  readonly name: string;
  readonly description: string;
  readonly splits: readonly ReportedSplit[];
}

/** One training run; the three lists have equal lengths. */
export interface ReportedTraining {
  readonly name: string;
  readonly step: readonly number[];
  readonly loss: readonly number[];
  /** Effective sample size over the batch size, 0 to 1; null for an objective that weighs all tokens alike. */
  readonly effectiveSampleSizeShare: readonly (number | null)[];
}

/** Coverage of the tail by one dictionary, rarest token type first; the three lists have equal lengths, values 0 to 1. */
export interface ReportedCoverage {
  readonly name: string;
  /** Cumulative share of tokens, not decreasing. */
  readonly tokenShare: readonly number[];
  /** Cumulative tokens with a feature over all tokens: recall. */
  readonly coveredShare: readonly number[];
  /** The same over all tokens with a feature: allocation, ends at 1. */
  readonly normalisedShare: readonly number[];
}

export interface PaintedToken {
  readonly text: string;
  /** What is painted, in the model's own units. */
  readonly activation: number;
  /** 0 (not painted) to 1 (the strongest of all readings). */
  readonly intensity: number;
  /** The strongest features here, sorted by activation. */
  readonly features: readonly { readonly feature: number; readonly activation: number }[];
}

/** One passage as each dictionary reads it: the same tokens, in the same order. */
export interface ReportedPassage {
  /** What is painted: which passage, which features. */
  readonly description: string;
  readonly readings: readonly { readonly name: string; readonly tokens: readonly PaintedToken[] }[];
}

export interface ReportedHit {
  readonly arm: string;
  readonly score: number;
  readonly text: string;
  /** Null where nobody labelled the corpus. */
  readonly inDomain: boolean | null;
}

/** A number that is not finite is shown as missing. */
export interface ReportData {
  readonly title: string;
  /** Sentences, most important first. */
  readonly verdict: readonly string[];
  readonly notes: readonly string[];
  /** Command, seed, versions, engine, model, hashes of dictionaries, in the order they are shown. */
  readonly provenance: readonly { readonly key: string; readonly value: string }[];
  readonly retrieval: readonly ReportedRetrieval[];
  readonly dictionaries: readonly ReportedDictionary[];
  readonly training: readonly ReportedTraining[];
  readonly coverage: readonly ReportedCoverage[];
  /** Null where nothing was painted. */
  readonly painted: ReportedPassage | null;
  readonly seeds: readonly string[];
  readonly hits: readonly ReportedHit[];
}
