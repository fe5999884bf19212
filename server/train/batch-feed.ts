import { Worker } from 'node:worker_threads';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { WorkError } from '../foundation/errors.ts';
import { workerBundle } from '../foundation/package-root.ts';
import type { ActivationScale } from '../sae/canonical.ts';
import type { FromBatchThread, ToBatchThread } from './batch-messages.ts';
import type { Batch, RowSource } from './batches.ts';
import type { RowRange } from './held-out-split.ts';
import type { RowSourceData, RowSourceOptions } from './row-source.ts';

interface Ahead {
  readonly tokens: number;
  readonly scale: ActivationScale;
  readonly batch: Promise<Batch>;
}

/** Where the rows lie, not what they are. */
function placesOf(data: ActivationFolder): ActivationFolder {
  const shards = data.shards.map(({ path, rows }) => ({ path, rows, sequences: [] }));
  return { ...data, shards, ...(data.targets === undefined ? {} : { targets: placesOf(data.targets) }) };
}

function withoutSequences({ data, training, options }: RowSourceData): RowSourceData {
  const { mixed = null } = options;
  const places = mixed === null ? null : { ...mixed, data: placesOf(mixed.data) };
  return { data: placesOf(data), training, options: { ...options, mixed: places } };
}

const isFor = (ahead: Ahead, tokens: number, { input, output }: ActivationScale): boolean =>
  ahead.tokens === tokens && ahead.scale.input === input && ahead.scale.output === output;

/**
 * The rows of a {@link RowSource}, dealt by a thread of their own one batch ahead: while a step computes, the next one's rows are read,
 * shuffled and scaled. What is dealt is the same, to the bit.
 */
export class BatchFeed implements RowSource, AsyncDisposable {
  readonly #worker: Worker;
  readonly #waiting: { resolve: (answer: FromBatchThread) => void; reject: (error: Error) => void }[] = [];
  #broken: WorkError | null = null;
  #dealt = 0;
  #ahead: Ahead | null = null;
  #waited = 0;

  constructor(data: ActivationFolder, training: readonly RowRange[], options: RowSourceOptions) {
    const workerData: RowSourceData =
      options.byPassages === true ? { data, training, options } : withoutSequences({ data, training, options });
    this.#worker = new Worker(workerBundle('batches'), { workerData, name: 'ssae batches' });
    this.#worker.unref();
    this.#worker.on('message', (answer: FromBatchThread) => this.#waiting.shift()?.resolve(answer));
    this.#worker.on('error', (error) => {
      this.#break(`the thread that reads activations failed: ${error.message}`);
    });
    this.#worker.on('exit', () => {
      this.#break('the thread that reads activations has ended');
    });
  }

  #break(why: string): void {
    this.#broken ??= new WorkError(why);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#broken);
  }

  async #ask(message: ToBatchThread): Promise<FromBatchThread> {
    if (this.#broken !== null) throw this.#broken;
    this.#worker.ref();
    const answer = await new Promise<FromBatchThread>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(message);
    }).finally(() => {
      if (this.#waiting.length === 0) this.#worker.unref();
    });
    if (answer.kind === 'failed') throw new WorkError(answer.message);
    return answer;
  }

  /** Rows dealt since the first epoch began: the position to hand to {@link seek}. */
  get position(): number {
    return this.#dealt;
  }

  /** Time that callers of {@link deal} have waited since the last {@link seek}. */
  get waitedMilliseconds(): number {
    return this.#waited;
  }

  /** Goes to where a feed of the same data and seed stood after dealing so many rows. */
  async seek(position: number): Promise<void> {
    this.#ahead = null;
    await this.#ask({ kind: 'seek', position });
    this.#dealt = position;
    this.#waited = 0;
  }

  #request(tokens: number, scale: ActivationScale, step: number): Ahead {
    const batch = this.#ask({ kind: 'deal', tokens, scale, step }).then((answer) => {
      if (answer.kind !== 'batch') throw new WorkError(`the thread that reads activations answered "${answer.kind}"`);
      return answer.batch;
    });
    batch.catch(() => undefined); // Whoever takes it sees the error.
    return { tokens, scale, batch };
  }

  /**
   * The next rows; at the end of an epoch the next one begins within the batch.
   * @throws WorkError naming the row and the step when a value is not finite.
   */
  async deal(tokens: number, scale: ActivationScale, step: number): Promise<Batch> {
    const began = performance.now();
    const isAnother = this.#ahead !== null && !isFor(this.#ahead, tokens, scale);
    if (isAnother) {
      this.#ahead = null;
      await this.#ask({ kind: 'seek', position: this.#dealt });
    }
    const batch = await (this.#ahead ?? this.#request(tokens, scale, step)).batch;
    this.#waited += performance.now() - began;
    this.#dealt += tokens;
    this.#ahead = this.#request(tokens, scale, step + 1);
    return batch;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#broken ??= new WorkError('the activations were closed');
    await this.#worker.terminate();
  }
}
