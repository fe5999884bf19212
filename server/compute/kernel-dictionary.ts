import { checkFeatures, tokensOf } from './engine-checks.ts';
import type { CallQueue } from './call-queue.ts';
import type { EngineDictionary, EngineShape, SparseFeatures } from './engine.ts';
import {
  dictionaryBytes,
  readResults,
  writeSettings,
  type CallName,
  type CallResults,
  type CallSettings,
  type KernelInstance,
  type KernelLayout,
} from './kernel-instance.ts';
import { joinRows } from './sparse-rows.ts';
import { UsageError, WorkError } from '../foundation/errors.ts';

/** Tokens that are encoded or decoded at once: bounds the memory of a call, whatever the caller passes. */
const MAX_TOKENS_A_CALL = 4096;

/** What a dictionary works with; the instance is its own. */
export interface KernelResources {
  readonly layout: KernelLayout;
  readonly instance: KernelInstance;
  readonly queue: CallQueue;
  readonly onDispose: (dictionary: EngineDictionary) => void;
}

/** A dictionary whose numbers live in the kernels. One call of an engine runs at a time. */
export class KernelDictionary implements EngineDictionary {
  readonly shape: EngineShape;
  protected readonly instance: KernelInstance;
  readonly #resources: KernelResources;
  #disposed = false;

  constructor(resources: KernelResources) {
    this.shape = resources.layout.shape;
    this.instance = resources.instance;
    this.#resources = resources;
  }

  /** Waits for the calls before it, then runs `work`. */
  protected enqueue<T>(work: () => Promise<T>): Promise<T> {
    return this.#resources.queue.run(async () => {
      if (this.#disposed) throw new UsageError('the dictionary was disposed of and cannot be used any more');
      return work();
    });
  }

  /** @param firstRow what the call's first token is called in messages */
  protected async call(
    call: CallName,
    settings: CallSettings & { readonly tokens: number },
    firstRow = 0,
  ): Promise<CallResults> {
    writeSettings(this.instance, settings);
    await this.instance.run(call);
    const results = readResults(this.instance);
    if (results.outOfMemory !== 0) throw this.#noMemory(settings.tokens);
    if (results.notFiniteRow >= 0)
      throw new WorkError(`activation row ${firstRow + results.notFiniteRow} is not finite`);
    return results;
  }

  #noMemory(tokens: number): WorkError {
    const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
    return new WorkError(
      `there is no memory for ${tokens} tokens beside the dictionary's ${mebibytes(dictionaryBytes(this.#resources.layout))}: ` +
        `the tokens alone take ${mebibytes(tokens * this.shape.dIn * 12)}, their features more. Take a smaller batch or dictionary`,
    );
  }

  encode(activations: Float32Array): Promise<SparseFeatures> {
    return this.enqueue(async () => {
      const tokens = tokensOf(this.shape, activations);
      const parts: SparseFeatures[] = [];
      for (let first = 0; first < tokens || parts.length === 0; first += MAX_TOKENS_A_CALL) {
        const last = Math.min(tokens, first + MAX_TOKENS_A_CALL);
        parts.push(await this.#encodeBlock(activations.subarray(first * this.shape.dIn, last * this.shape.dIn), first));
      }
      return joinRows(parts);
    });
  }

  async #encodeBlock(activations: Float32Array, first: number): Promise<SparseFeatures> {
    const tokens = activations.length / this.shape.dIn;
    if (tokens === 0) return { offsets: new Uint32Array(1), features: new Uint32Array(), values: new Float32Array() };
    this.instance.write('tokens', activations);
    const { active } = await this.call('encode', { tokens }, first);
    const rows = {
      offsets: new Uint32Array(tokens + 1),
      features: new Uint32Array(active),
      values: new Float32Array(active),
    };
    this.instance.read('rowOffsets', rows.offsets);
    this.instance.read('rowFeatures', rows.features);
    this.instance.read('rowValues', rows.values);
    return rows;
  }

  decode(features: SparseFeatures): Promise<Float32Array> {
    return this.enqueue(async () => {
      const tokens = checkFeatures(this.shape, features);
      const { dOut } = this.shape;
      const output = new Float32Array(tokens * dOut);
      for (let first = 0; first < tokens; first += MAX_TOKENS_A_CALL) {
        const last = Math.min(tokens, first + MAX_TOKENS_A_CALL);
        const start = features.offsets[first]!;
        const end = features.offsets[last]!;
        this.instance.write(
          'rowOffsets',
          features.offsets.slice(first, last + 1).map((offset) => offset - start),
        );
        this.instance.write('rowFeatures', features.features.subarray(start, end));
        this.instance.write('rowValues', features.values.subarray(start, end));
        await this.call('decode', { tokens: last - first });
        this.instance.read('output', output.subarray(first * dOut, last * dOut));
      }
      return output;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.queue.run(() => {
      if (!this.#disposed) {
        this.instance.dispose();
        this.#resources.onDispose(this);
      }
      this.#disposed = true;
      return Promise.resolve();
    });
  }
}
