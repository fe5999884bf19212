/** Requests and results about experiments that are run: see `experiment.ts` for the file. */
import { z } from 'zod';
import type { Metric } from './results.ts';

const name = z.string().min(1).max(4096);

export const RunExperimentRequest = z.object({
  /** The experiment's file, absolute. */
  file: name,
  /** Folder of the run; null chooses one of the home's `runs` by the experiment's name. */
  output: name.nullable().default(null),
});
export type RunExperimentRequest = z.infer<typeof RunExperimentRequest>;

export const RunReference = z.object({
  /** A run of the home folder, else the path of one. */
  run: name,
});
export type RunReference = z.infer<typeof RunReference>;

export interface RunStep {
  /** "retrieve bm25", "finetune bm25_erm_s0". */
  readonly name: string;
  readonly state: 'done' | 'waiting';
  /** Whether the result of equal inputs and settings was taken instead of working. */
  readonly cached: boolean;
  /** Spent by the last call. */
  readonly seconds: number;
}

export interface RunResult {
  /** What `replay` and `report` take: the name of a run in the home folder, else its path. */
  readonly run: string;
  readonly experiment: string;
  /** The run's folder, absolute. */
  readonly folder: string;
  readonly steps: readonly RunStep[];
  /** The report's HTML file. */
  readonly report: string;
  /** Sentences, a line each, most important first. */
  readonly verdict: string;
}

export interface RunSummary {
  readonly run: string;
  readonly experiment: string;
  readonly folder: string;
  /** Of the experiment's file, as it was when it was run. */
  readonly file: string;
  readonly state: 'done' | 'unfinished';
  /** ISO 8601. */
  readonly started: string;
  readonly stepsDone: number;
  readonly steps: number;
}

/** One dictionary of a run on one held-out split. */
export interface RunMetrics {
  readonly dictionary: string;
  readonly baseline: string;
  readonly split: 'domain' | 'general';
  readonly arm: string;
  readonly seeds: string;
  /** "erm", "term τ = 0.5". */
  readonly objective: string;
  readonly mode: string;
  readonly randomSeed: number;
  readonly tokens: number;
  readonly splitHash: string;
  readonly metrics: Readonly<Record<string, Metric>>;
}

export interface RunDetail extends Omit<RunResult, 'report' | 'verdict'> {
  readonly file: string;
  readonly state: 'done' | 'unfinished';
  readonly started: string;
  /** Null until the run is done. */
  readonly report: string | null;
  readonly verdict: string | null;
  readonly metrics: readonly RunMetrics[];
}

/** A file of a run against what was recorded, and against what the replay made. */
export interface ReplayedFile {
  /** Below the run's folder; for `input`, what was read. */
  readonly path: string;
  readonly kind: 'input' | 'output';
  /** `changed`: on the disk it is not what the run recorded. `differs`: the replay gave something else. */
  readonly state: 'identical' | 'changed' | 'missing' | 'differs';
  readonly recorded: string;
  /** SHA-256 on the disk; null where there is no such file. */
  readonly found: string | null;
  /** SHA-256 of what the replay made; null where it made none. */
  readonly replayed: string | null;
}

export interface ReplayResult {
  readonly run: string;
  readonly identical: boolean;
  readonly files: readonly ReplayedFile[];
  /** Null when everything was done again; else why it was not. */
  readonly note: string | null;
  readonly seconds: number;
}

export const WriteReportRequest = RunReference.extend({
  /** The HTML file to write; null writes the run's own. */
  output: name.nullable().default(null),
});
export type WriteReportRequest = z.infer<typeof WriteReportRequest>;

export interface WriteReportResult {
  readonly run: string;
  readonly report: string;
}
