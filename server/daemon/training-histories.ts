import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, UsageError } from '../foundation/errors.ts';
import { TrainingPoint } from '../foundation/training-point.ts';
import type { Job, JobDetail } from '../protocol/jobs.ts';
import type { TrainingHistoryResult } from '../protocol/training-history.ts';
import { TRAINING_SERIES, type TrainingSeries } from '../protocol/training-series.ts';
import type { Log } from './log.ts';
import { isForgotten, type StoredPoint, TrainingPoints } from './training-points.ts';

const MAX_HISTORY_BYTES = 16 * 1024 * 1024;
const HistoryFile = z.array(TrainingPoint).max(100_000);

/** The figures of all training jobs, written down as they are told, so that a panel opened later shows the whole run. */
export class TrainingHistories {
  readonly #folder: string;
  readonly #log: Log;
  readonly #points = new Map<string, TrainingPoints>();
  readonly #failed = new Set<string>();

  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Writes down the point that a job's progress carries, if any. A file that cannot be written is logged and costs the job nothing. */
  note({ id, state }: Job): void {
    const point = state.kind === 'running' ? (state.progress?.point ?? null) : null;
    if (point === null) return;
    this.#of(id)
      .append(point)
      .catch((error: unknown) => {
        if (!this.#failed.has(id)) this.#log.error(`the points of job ${id} are not kept: ${messageOf(error)}`);
        this.#failed.add(id);
      });
  }

  /**
   * The points of a job after a step: those it told and, once it is done, those of the dictionary it made.
   * @throws UsageError when the job trains nothing
   */
  async show({ id, spec, result }: JobDetail, after: number): Promise<TrainingHistoryResult> {
    if (spec.kind !== 'train' && spec.kind !== 'finetune')
      throw new UsageError(`job ${id} is of kind ${spec.kind}; only train and finetune jobs have a training history`);
    const told = await this.#of(id).read();
    const folder = result !== null && 'path' in result ? result.path : null;
    const points = joined(told, folder === null ? [] : await storedHistory(folder));
    const wanted = points.filter(({ step }) => step > after);
    const series = TRAINING_SERIES.map((name) => [name, column(wanted.map((point) => point[name] ?? null))] as const);
    return {
      job: id,
      batch: points.at(-1)?.batch ?? spec.request.batch,
      step: column(wanted.map(({ step }) => step)),
      series: Object.fromEntries(series) as Record<TrainingSeries, string>,
    };
  }

  /** Removes the points of jobs that are remembered no more, and those that an older version wrote. */
  async keepOnly(jobs: readonly Job[]): Promise<void> {
    const known = new Set(jobs.map(({ id }) => id));
    for (const name of await readdir(this.#folder))
      if (isForgotten(name, (job) => known.has(job))) await rm(join(this.#folder, name), { force: true });
  }

  #of(job: string): TrainingPoints {
    const known = this.#points.get(job) ?? new TrainingPoints(this.#folder, job);
    this.#points.set(job, known);
    return known;
  }
}

/** Float64 little-endian as base64; NaN for null. */
function column(values: readonly (number | null)[]): string {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [index, value] of values.entries()) bytes.writeDoubleLE(value ?? NaN, 8 * index);
  return bytes.toString('base64');
}

/** `history.json` of a dictionary's folder; empty when it is gone or not one. */
async function storedHistory(folder: string): Promise<StoredPoint[]> {
  const path = join(folder, 'history.json');
  try {
    if ((await stat(path)).size > MAX_HISTORY_BYTES) return [];
    return HistoryFile.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return [];
  }
}

/**
 * Both by ascending step. The dictionary may have been replaced by another run since: its history is of this job only when the two
 * agree on a step that both have.
 */
export function joined(told: readonly StoredPoint[], stored: readonly StoredPoint[]): StoredPoint[] {
  const bySteps = new Map(told.map((point) => [point.step, point]));
  const shared = stored.filter(({ step }) => bySteps.has(step));
  const same = shared.length > 0 && shared.every(({ step, loss }) => bySteps.get(step)?.loss === loss);
  if (told.length > 0 && !same) return [...told];
  for (const point of stored) bySteps.set(point.step, point);
  return [...bySteps.values()].sort((a, b) => a.step - b.step);
}
