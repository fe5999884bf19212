/** A training run as it goes: what the live panel draws. */
import { z } from 'zod';
import type { TrainingSeries } from './training-series.ts';

export const TrainingHistoryRequest = z.object({
  job: z.string().min(1).max(4096),
  /** Only points after this step. */
  after: z.int().min(0).default(0),
});
export type TrainingHistoryRequest = z.infer<typeof TrainingHistoryRequest>;

/** Columns of equal length as base64 of little-endian Float64; NaN stands for a value that there is not. */
export interface TrainingHistoryResult {
  readonly job: string;
  /** Tokens of a step; null where the trainer chooses and has not said. */
  readonly batch: number | null;
  readonly step: string;
  readonly series: Readonly<Record<TrainingSeries, string>>;
}
