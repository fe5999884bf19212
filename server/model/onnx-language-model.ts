import { Worker } from 'node:worker_threads';
import { Interrupted, unknownName, UsageError, WorkError } from '../foundation/errors.ts';
import type { Encoding } from '../foundation/encoding.ts';
import { workerBundle } from '../foundation/package-root.ts';
import type {
  DivergenceGradient,
  LanguageModel,
  ModelDescription,
  SplicedLosses,
  TokenSequence,
} from './language-model.ts';
import type { FromModelThread, ModelOutputs, ModelThreadData, ModelWork, ToModelThread } from './model-request.ts';
import type { ModelTokenizer } from './model-tokenizer.ts';

interface Waiting {
  readonly resolve: (outputs: ModelOutputs) => void;
  readonly reject: (error: Error) => void;
}

/** The model's thread, seen from the thread that asks. */
class ModelThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #broken: string | null = null;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** @throws WorkError when the model cannot be opened or cut */
  static async start(
    data: ModelThreadData,
  ): Promise<{ thread: ModelThread; ready: Extract<FromModelThread, { kind: 'ready' }> }> {
    const worker = new Worker(workerBundle('language-model'), { workerData: data, name: 'ssae model' });
    const thread = new ModelThread(worker);
    const ready = await new Promise<Extract<FromModelThread, { kind: 'ready' }>>((resolve, reject) => {
      worker.on('message', (message: FromModelThread) => {
        if (message.kind === 'ready') resolve(message);
        else if (message.kind === 'broken') reject(new WorkError(message.message));
        else thread.#settle(message);
      });
      worker.on('error', (error) => {
        reject(error);
        thread.#break(`the model's thread failed: ${error.message}`);
      });
      worker.on('exit', () => {
        thread.#break("the model's thread has ended");
      });
    }).catch(async (error: unknown) => {
      await worker.terminate();
      throw error;
    });
    worker.unref();
    return { thread, ready };
  }

  run(work: ModelWork, signal?: AbortSignal): Promise<ModelOutputs> {
    if (signal?.aborted === true) return Promise.reject(new Interrupted());
    if (this.#broken !== null) return Promise.reject(new WorkError(this.#broken));
    const id = this.#nextId++;
    this.#worker.ref();
    const abort = (): void => {
      this.#post({ kind: 'abort', id });
      this.#take(id)?.reject(new Interrupted());
    };
    signal?.addEventListener('abort', abort, { once: true });
    return new Promise<ModelOutputs>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      // A view of a large buffer would take all of it along, so each array goes as a copy of its own.
      const sequences = work.sequences.map((ids) => ids.slice());
      const replacement = work.replacement.map((rows) => rows.slice());
      const original = work.original?.map((rows) => rows.slice()) ?? [];
      const buffers = [...sequences, ...replacement, ...original].map(({ buffer }) => buffer);
      this.#post({ kind: 'work', id, work: { part: work.part, sequences, replacement, original } }, buffers);
    }).finally(() => signal?.removeEventListener('abort', abort));
  }

  #post(message: ToModelThread, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #settle(message: Extract<FromModelThread, { kind: 'done' | 'failed' }>): void {
    const waiting = this.#take(message.id);
    if (message.kind === 'done') waiting?.resolve(message.outputs);
    else waiting?.reject(new WorkError(message.message));
  }

  /** An idle model does not keep its process alive. */
  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
    return waiting;
  }

  #break(why: string): void {
    this.#broken ??= why;
    for (const { reject } of this.#waiting.values()) reject(new WorkError(why));
    this.#waiting.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#break('the model was closed');
    await this.#worker.terminate();
  }
}

/** A language model from ONNX files. */
export class OnnxLanguageModel implements LanguageModel {
  readonly description: ModelDescription;
  readonly #tokenizer: ModelTokenizer;
  readonly #thread: ModelThread;

  private constructor(description: ModelDescription, tokenizer: ModelTokenizer, thread: ModelThread) {
    this.description = description;
    this.#tokenizer = tokenizer;
    this.#thread = thread;
  }

  /**
   * @param known the description but for what the graph tells
   * @param contentHashOf hashes the model, given the files beside the graph that hold its weights
   */
  static async open(
    known: Omit<ModelDescription, 'hookPoints' | 'vocabulary' | 'contentHash'>,
    tokenizer: ModelTokenizer,
    data: ModelThreadData,
    contentHashOf: (weightFiles: readonly string[]) => Promise<string>,
  ): Promise<OnnxLanguageModel> {
    const { thread, ready } = await ModelThread.start(data);
    const contentHash = await contentHashOf(ready.weightFiles).catch(async (error: unknown) => {
      await thread[Symbol.asyncDispose]();
      throw error;
    });
    const hookPoints = [...ready.hookPoints].map(([name, tensor]) => ({
      ...{ name, tensor },
      shape: ['batch', 'sequence', known.dModel],
    }));
    return new OnnxLanguageModel(
      { ...known, contentHash, hookPoints, vocabulary: ready.logitsWidth },
      tokenizer,
      thread,
    );
  }

  get contentHash(): string {
    return this.#tokenizer.contentHash;
  }

  encode(text: string): Encoding {
    return this.#tokenizer.encode(text);
  }

  decode(ids: readonly number[]): string {
    return this.#tokenizer.decode(ids);
  }

  async activations(
    hookPoint: string,
    sequences: readonly TokenSequence[],
    signal?: AbortSignal,
  ): Promise<Float32Array[]> {
    return (await this.#run({ part: { kind: 'head', hookPoint }, sequences, replacement: [] }, signal)).stream ?? [];
  }

  async logits(
    sequences: readonly TokenSequence[],
    patch?: { readonly hookPoint: string; readonly activations: readonly Float32Array[] },
    signal?: AbortSignal,
  ): Promise<Float32Array[]> {
    const part = { kind: 'logits', hookPoint: patch?.hookPoint ?? null } as const;
    return (await this.#run({ part, sequences, replacement: patch?.activations ?? [] }, signal)).logits ?? [];
  }

  async losses(sequences: readonly TokenSequence[], signal?: AbortSignal): Promise<Float32Array[]> {
    const part = { kind: 'losses', hookPoint: null } as const;
    return (await this.#run({ part, sequences, replacement: [] }, signal)).loss ?? [];
  }

  async activationsAndLosses(
    hookPoint: string,
    sequences: readonly TokenSequence[],
    signal?: AbortSignal,
  ): Promise<{ activations: Float32Array[]; losses: Float32Array[] }> {
    const outputs = await this.#run({ part: { kind: 'losses', hookPoint }, sequences, replacement: [] }, signal);
    return { activations: outputs.stream ?? [], losses: outputs.loss ?? [] };
  }

  async splicedLosses(
    hookPoint: string,
    sequences: readonly TokenSequence[],
    replacement: readonly Float32Array[],
    signal?: AbortSignal,
  ): Promise<SplicedLosses[]> {
    const outputs = await this.#run({ part: { kind: 'spliced', hookPoint }, sequences, replacement }, signal);
    return sequences.map((_, i) => ({ crossEntropy: outputs.loss![i]!, divergence: outputs.divergence![i]! }));
  }

  async divergenceGradients(
    hookPoint: string,
    original: readonly Float32Array[],
    replacement: readonly Float32Array[],
    signal?: AbortSignal,
  ): Promise<DivergenceGradient[]> {
    // The tail does not read the tokens; their number tells it the length.
    const sequences = original.map((rows) => new Int32Array(Math.floor(rows.length / this.description.dModel)));
    const work: ModelWork = { part: { kind: 'divergence', hookPoint }, sequences, replacement, original };
    const { divergence, gradient } = await this.#run(work, signal);
    return sequences.map((_, i) => ({ divergence: divergence![i]!, gradient: gradient![i]! }));
  }

  async unembed(directions: Float32Array): Promise<Float32Array> {
    if (directions.length === 0) return new Float32Array(0);
    const work: ModelWork = { part: { kind: 'unembedding' }, sequences: [], replacement: [directions] };
    return (await this.#run(work)).logits![0]!;
  }

  async #run(work: ModelWork, signal?: AbortSignal): Promise<ModelOutputs> {
    this.#check(work);
    if (work.sequences.length === 0 && work.part.kind !== 'unembedding') return {};
    return this.#thread.run(work, signal);
  }

  #check({ part, sequences, replacement, original = [] }: ModelWork): void {
    const { contextLength, vocabulary, dModel, hookPoints, name } = this.description;
    if ('hookPoint' in part && part.hookPoint !== null && !hookPoints.some((point) => point.name === part.hookPoint))
      throw unknownName(
        `hook point of model ${name}`,
        part.hookPoint,
        hookPoints.map((point) => point.name),
      );
    for (const ids of sequences) {
      if (ids.length === 0 || ids.length > contextLength)
        throw new UsageError(`a sequence has ${ids.length} tokens; model ${name} reads 1 to ${contextLength}`);
      const foreign = ids.find((id) => id < 0 || id >= vocabulary);
      if (foreign !== undefined)
        throw new UsageError(`token id ${foreign} does not exist; the vocabulary of model ${name} has ${vocabulary}`);
    }
    if (part.kind !== 'unembedding' && replacement.length > 0 && replacement.length !== sequences.length)
      throw new UsageError(`${replacement.length} sequences' activations are given for ${sequences.length} sequences`);
    for (const [i, rows] of [...replacement.entries(), ...original.entries()]) {
      const tokens = sequences[i]?.length ?? rows.length / dModel;
      if (rows.length !== tokens * dModel)
        throw new UsageError(
          `activations have ${rows.length} values; ${tokens} tokens of model ${name} need ${tokens} × ${dModel}`,
        );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
  }
}
