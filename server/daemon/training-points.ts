import { appendFile, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainingPoint } from '../foundation/training-point.ts';
import { TRAINING_SERIES } from '../protocol/training-series.ts';

/** What of a point is kept: its step, the series that are drawn, and the batch that they are of. */
export type StoredPoint = Pick<TrainingPoint, 'step' | 'batch' | (typeof TRAINING_SERIES)[number]>;

/** Float64 a point: step, then the series in their order, then the batch; NaN for null. */
const COLUMNS = 2 + TRAINING_SERIES.length;
const RECORD_BYTES = 8 * COLUMNS;
/** Names the width of a record, so that a file of other columns is never read as one of these. */
const ENDING = `.points-${COLUMNS}`;
/** Of any width. */
const ANY_ENDING = /\.(?:points(?:-\d+)?|tilt-points)$/;

/** Whether a file is of points: of a job that is known no more, or of a width that is read no more. */
export function isForgotten(file: string, isKnown: (job: string) => boolean): boolean {
  if (!ANY_ENDING.test(file)) return false;
  return !file.endsWith(ENDING) || !isKnown(file.slice(0, -ENDING.length));
}

/** Points of one job. At ten a second they are thinned to half after seven minutes, then ever more rarely. */
const MAX_POINTS = 4096;

/**
 * The points of one training job, in a file beside its journal. Appended as they come and not flushed: what a power cut takes is
 * in the checkpoint's own history. A torn last record is not read.
 */
export class TrainingPoints {
  readonly path: string;
  readonly #limit: number;
  #written: Promise<void> = Promise.resolve();
  #count: number | null = null;
  /** Steps between points that are still written; grows each time the file is thinned. */
  #gap = 1;
  #last = 0;

  constructor(folder: string, job: string, limit = MAX_POINTS) {
    this.path = join(folder, `${job}${ENDING}`);
    this.#limit = limit;
  }

  /** One after the other, in the order of the calls. */
  append(point: StoredPoint): Promise<void> {
    const written = this.#written.then(() => this.#append(point));
    this.#written = written.catch(() => undefined);
    return written;
  }

  /** All points by ascending step; none where the job reported none. */
  async read(): Promise<StoredPoint[]> {
    await this.#written;
    return latestAttempt(await this.#records());
  }

  async #append(point: StoredPoint): Promise<void> {
    this.#count ??= await this.#mend();
    const goesBack = point.step <= this.#last;
    if (!goesBack && point.step < this.#last + this.#gap) return;
    await appendFile(this.path, encode([point]), { mode: 0o600 });
    this.#last = point.step;
    this.#count++;
    if (this.#count > this.#limit) await this.#thin();
  }

  /** Removes a record that was being written when the daemon died. @returns whole records */
  async #mend(): Promise<number> {
    const bytes = await sizeOf(this.path);
    if (bytes === 0) return 0;
    const points = await this.#records();
    if (bytes !== points.length * RECORD_BYTES) await this.#replace(points);
    this.#last = points.at(-1)?.step ?? 0;
    return points.length;
  }

  async #thin(): Promise<void> {
    const points = latestAttempt(await this.#records());
    const span = (points.at(-1)?.step ?? 0) - (points[0]?.step ?? 0);
    this.#gap = Math.max(1, Math.ceil((2 * span) / this.#limit));
    const kept = apart(points, this.#gap);
    await this.#replace(kept);
    this.#count = kept.length;
  }

  async #replace(points: readonly StoredPoint[]): Promise<void> {
    await writeFile(`${this.path}.tmp`, encode(points), { mode: 0o600 });
    await rename(`${this.path}.tmp`, this.path);
  }

  async #records(): Promise<StoredPoint[]> {
    const bytes = await sizeOf(this.path);
    // Nothing of ours grows so far; a foreign file is not read into memory.
    if (bytes === 0 || bytes > 2 * (this.#limit + 1) * RECORD_BYTES) return [];
    return decode(await readFile(this.path));
  }

  async remove(): Promise<void> {
    await this.#written;
    await rm(this.path, { force: true });
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

function encode(points: readonly StoredPoint[]): Buffer {
  const bytes = Buffer.alloc(points.length * RECORD_BYTES);
  for (const [index, point] of points.entries()) {
    const values = [point.step, ...TRAINING_SERIES.map((series) => point[series] ?? NaN), point.batch ?? NaN];
    for (const [column, value] of values.entries()) bytes.writeDoubleLE(value, index * RECORD_BYTES + 8 * column);
  }
  return bytes;
}

function decode(bytes: Buffer): StoredPoint[] {
  return Array.from({ length: Math.floor(bytes.length / RECORD_BYTES) }, (_, index) => {
    const value = (column: number): number => bytes.readDoubleLE(index * RECORD_BYTES + 8 * column);
    const orNull = (column: number): number | null => (Number.isNaN(value(column)) ? null : value(column));
    const [step, loss, effectiveSampleSize, l0] = [value(0), value(1), value(2), value(3)];
    return {
      step,
      loss,
      effectiveSampleSize,
      l0,
      explainedVariance: orNull(4),
      deadShare: orNull(5),
      tilt: orNull(6) ?? undefined,
      divergence: orNull(7) ?? undefined,
      batch: orNull(8) ?? undefined,
    };
  });
}

/** A job that was resumed went back to its checkpoint: what it reported from there on takes the place of what it had reported. */
export function latestAttempt(points: readonly StoredPoint[]): StoredPoint[] {
  const kept: StoredPoint[] = [];
  for (const point of points) {
    while (kept.length > 0 && kept.at(-1)!.step >= point.step) kept.pop();
    kept.push(point);
  }
  return kept;
}

/** Points at least `gap` steps apart, the first and the last among them. */
function apart(points: readonly StoredPoint[], gap: number): StoredPoint[] {
  const kept: StoredPoint[] = [];
  for (const point of points) if (kept.length === 0 || point.step >= kept.at(-1)!.step + gap) kept.push(point);
  const last = points.at(-1);
  return last === undefined || kept.at(-1) === last ? kept : [...kept, last];
}
