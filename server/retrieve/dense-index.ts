import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { UsageError } from '../foundation/errors.ts';
import { workerBundle } from '../foundation/package-root.ts';
import { scanRows, type DenseSlice } from './dense-scan.ts';
import { bestOf, type Ranking } from './ranking.ts';

/** A scan of this many elements takes about a millisecond, less than handing it to another thread. */
const INLINE_ELEMENTS = 1 << 20;
const MAX_THREADS = 8;

/** What `Corpus.vectors()` gives. */
export interface PassageVectors {
  readonly ids: readonly string[];
  /** [ids, dimensions] unit vectors */
  readonly matrix: Float32Array;
  readonly dimensions: number;
}

function sharedCopy(source: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(source.byteLength));
  copy.set(source);
  return copy;
}

/**
 * Exact search by inner product over all vectors of a corpus. Large matrices are scanned by worker threads that share one
 * copy of them, so the event loop stays free; one search runs at a time.
 */
export class DenseIndex implements AsyncDisposable {
  readonly ids: readonly string[];
  readonly dimensions: number;
  /** [dimensions] mean of all vectors: what the corpus is about in general. */
  readonly mean: Float32Array;
  readonly #slices: readonly DenseSlice[];
  readonly #scores: Float32Array;
  readonly #workers: readonly Worker[];
  #latest: Promise<unknown> = Promise.resolve();

  constructor({ ids, matrix, dimensions }: PassageVectors) {
    this.ids = ids;
    this.dimensions = dimensions;
    const isSmall = matrix.length <= INLINE_ELEMENTS;
    const shared = isSmall ? matrix : sharedCopy(matrix);
    this.#scores = isSmall ? new Float32Array(ids.length) : sharedCopy(new Float32Array(ids.length));
    const threads = isSmall ? 1 : Math.min(availableParallelism(), MAX_THREADS);
    const rowsEach = Math.ceil(ids.length / threads);
    this.#slices = Array.from({ length: threads }, (_, thread) => {
      const firstRow = Math.min(thread * rowsEach, ids.length);
      const rows = Math.min(rowsEach, ids.length - firstRow);
      return { matrix: shared, scores: this.#scores, dimensions, firstRow, rows };
    });
    this.mean = meanRow(matrix, dimensions);
    this.#workers = isSmall
      ? []
      : this.#slices.map((slice) => new Worker(workerBundle('dense-scan'), { workerData: slice }));
  }

  /**
   * @param query [dimensions], of any length
   * @returns the `limit` best by inner product with the query
   */
  async search(query: Float32Array, limit: number): Promise<Ranking> {
    if (query.length !== this.dimensions)
      throw new UsageError(`the query has ${query.length} dimensions, the index has ${this.dimensions}`);
    const search = this.#latest.then(async () => {
      await this.#scan(query);
      return bestOf(this.ids, this.#scores, limit);
    });
    this.#latest = search.catch(() => undefined);
    return search;
  }

  async #scan(query: Float32Array): Promise<void> {
    if (this.#workers.length === 0) scanRows(this.#slices[0]!, query);
    await Promise.all(
      this.#workers.map(async (worker) => {
        const answer = once(worker, 'message'); // rejects when the worker fails
        worker.postMessage(query);
        await answer;
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function meanRow(matrix: Float32Array, dimensions: number): Float32Array {
  const sum = new Float64Array(dimensions);
  for (let start = 0; start < matrix.length; start += dimensions)
    for (let column = 0; column < dimensions; column++) sum[column]! += matrix[start + column]!;
  const rows = Math.max(1, matrix.length / dimensions);
  return Float32Array.from(sum, (value) => value / rows);
}
