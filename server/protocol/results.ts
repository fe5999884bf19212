import type { ArchitectureKind } from './architectures.ts';
import type { ReportData } from './report.ts';

/** Results as the command line prints them with --json and the daemon answers them. Shapes are a contract: ../docs/cli.md. */

export interface InspectedFeature {
  readonly feature: number;
  readonly activation: number;
  readonly label: string | null;
}

export interface InspectedToken {
  readonly index: number;
  readonly text: string;
  /** UTF-16 offsets into the given text. */
  readonly start: number;
  readonly end: number;
  /** −log p of this token, nats; null for the first. */
  readonly loss: number | null;
  /** ‖x − x̂‖² */
  readonly reconstructionError: number;
  /** Sorted by activation. */
  readonly features: readonly InspectedFeature[];
}

export interface InspectResult {
  readonly model: string;
  readonly hookPoint: string;
  readonly dictionary: string;
  readonly text_sha256: string;
  readonly tokens: readonly InspectedToken[];
  readonly seconds: number;
}

export interface HarvestResult {
  readonly folder: string;
  readonly model: string;
  readonly hookPoint: string;
  readonly dIn: number;
  readonly dtype: 'float32' | 'float16';
  readonly shard: { readonly index: number; readonly count: number };
  /** Of this shard. */
  readonly rows: number;
  /** Of the whole harvest; of this shard; of those, there already; of the whole harvest, not there yet. */
  readonly parts: { readonly total: number; readonly mine: number; readonly kept: number; readonly missing: number };
  readonly seconds: number;
}

/** One engine went on for another: the device was lost, or was not there when the run was resumed. */
export interface EngineChange {
  readonly from: string;
  readonly to: string;
  /** Steps that were done and kept; 0: the run began anew. */
  readonly step: number;
  readonly why: string;
}

export interface TrainResult {
  readonly dictionary: string;
  /** The dictionary's folder, absolute. */
  readonly path: string;
  readonly architecture: ArchitectureKind;
  readonly dIn: number;
  readonly dSae: number;
  readonly hookPoint: string | null;
  readonly objective: 'erm' | 'term';
  readonly tilt: number | null;
  readonly tau: number | null;
  /** Share of the batch at which the effective sample size was held. */
  readonly sampleSizeShare: number | null;
  /** Where it ended. */
  readonly engine: string;
  /** Why that one: what else there is and why not, or what was measured. */
  readonly engineReason: string;
  /** Empty where one engine did all steps. */
  readonly engineChanges: readonly EngineChange[];
  readonly seed: number;
  readonly steps: number;
  readonly tokens: number;
  /** Of a run with the model's divergence in its loss; null without. `value`: KL of the last step's batch, nats per token. */
  readonly divergence: { readonly coefficient: number; readonly steps: number; readonly value: number } | null;
  readonly seconds: number;
  readonly stepMilliseconds: { readonly median: number; readonly p10: number; readonly p90: number };
  readonly final: {
    readonly l0: number;
    readonly explainedVariance: number;
    readonly mse: number;
    readonly deadShare: number;
    readonly effectiveSampleSize: number | null;
  };
  readonly heldOut: { readonly tokens: number; readonly splitHash: string };
}

export interface Metric {
  readonly value: number;
  readonly baseline: number | null;
  readonly difference: number | null;
  /** 95 % interval of the difference where there is a baseline, else of the value. */
  readonly low: number | null;
  readonly high: number | null;
  readonly formula: string;
}

export interface EvaluateResult {
  readonly dictionary: string;
  readonly baseline: string | null;
  readonly n: { readonly tokens: number; readonly documents: number };
  readonly splitHash: string;
  /** Passages left out because they overlap a seed or a selection. */
  readonly overlapDropped: number;
  readonly metrics: Readonly<Record<string, Metric>>;
}

export interface RetrieveHit {
  readonly rank: number;
  readonly score: number;
  readonly id: string;
  readonly text: string;
  readonly source: string;
  readonly tokens: number;
}

export interface RetrieveResult {
  readonly arm: string;
  readonly corpus: string;
  readonly seeds: string;
  readonly tokens: number;
  readonly passages: number;
  readonly overlapDropped: number;
  /** Why the budget was not filled; null where it was. */
  readonly note: string | null;
  readonly seconds: number;
  readonly hits: readonly RetrieveHit[];
}

export interface IngestResult {
  readonly corpus: string;
  readonly documents: number;
  readonly passages: number;
  readonly tokens: number;
  /** Passages that repeat one already stored. */
  readonly duplicates: number;
  /** Records that could not be read, each named; `skippedTotal` counts them all. */
  readonly skipped: readonly { readonly source: string; readonly line: number | null; readonly reason: string }[];
  readonly skippedTotal: number;
  readonly seconds: number;
}

export interface DoctorResult {
  readonly version: string;
  readonly node: string;
  readonly platform: string;
  readonly engines: readonly {
    readonly name: string;
    readonly available: boolean;
    readonly reason: string | null;
    readonly device: string | null;
  }[];
  /** What `--engine auto` takes for a step of usual size, and why. */
  readonly auto: { readonly engine: string; readonly reason: string };
  readonly home: string;
  readonly sizes: Readonly<Record<string, number>>;
}

export interface ModelSummary {
  readonly name: string;
  readonly architecture: string;
  readonly source: string;
  readonly bytes: number;
}

export interface ModelResult {
  readonly model: string;
  readonly architecture: string;
  readonly layers: number;
  readonly dModel: number;
  readonly vocabulary: number;
  readonly contextLength: number;
  readonly hookPoints: readonly {
    readonly name: string;
    readonly tensor: string;
    readonly shape: readonly (string | number)[];
  }[];
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  readonly licence: string | null;
  readonly source: string;
}

export interface RunModelResult {
  readonly model: string;
  readonly output: string;
  readonly tokens: number;
  /** Name and shape of each tensor written. */
  readonly tensors: Readonly<Record<string, readonly number[]>>;
}

export interface CorpusSummary {
  readonly name: string;
  readonly passages: number;
  readonly tokens: number;
  readonly documents: number;
  readonly sources: readonly string[];
  readonly created: string;
  /** Adding sources is under way, or was cut short: adding them again takes in what is missing. */
  readonly partial: boolean;
}

export interface SeedSetSummary {
  readonly name: string;
  readonly seeds: number;
}

export interface SeedSetResult {
  readonly name: string;
  readonly seeds: readonly {
    readonly text: string;
    readonly contentHash: string;
    readonly from: { readonly file: string; readonly start: number; readonly end: number } | null;
  }[];
}

export interface DictionarySummary {
  readonly name: string;
  /** Of the file: batchtopk and matryoshka dictionaries are stored as jumprelu. */
  readonly architecture: ArchitectureKind;
  readonly dIn: number;
  readonly dSae: number;
  readonly k: number | null;
  readonly model: string | null;
  readonly hookPoint: string | null;
  readonly bytes: number;
  readonly path: string;
  readonly contentHash: string;
  /** Tokens over which the share that each feature fires on was counted; null where nobody counted. */
  readonly densityTokens: number | null;
}

export interface ClearCachesResult {
  /** Bytes that were freed. */
  readonly bytes: number;
}

export interface EncodeResult {
  readonly dictionary: string;
  readonly output: string;
  readonly tokens: number;
  readonly l0: number;
  /** Null of a transcoder, whose targets are not given. */
  readonly explainedVariance: number | null;
}

export interface CountDensitiesResult {
  readonly dictionary: string;
  readonly corpus: string;
  /** Counted; special ones are not. */
  readonly tokens: number;
  /** Features that fired on none of them. */
  readonly silent: number;
  /** Share of tokens that the median feature fires on. */
  readonly median: number;
}

export interface ExportResult {
  readonly dictionary: string;
  readonly format: string;
  readonly output: string;
}

export interface DemoResult {
  readonly folder: string;
  /** The report's HTML file. */
  readonly report: string;
  readonly seconds: number;
  /** What the report shows; also beside it as report.json. */
  readonly data: ReportData;
}
