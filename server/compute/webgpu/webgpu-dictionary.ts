import type { CallQueue } from '../call-queue.ts';
import { checkFeatures, requireFinite, tokensOf } from '../engine-checks.ts';
import type { EngineDictionary, EngineShape, SparseFeatures } from '../engine.ts';
import { joinRows } from '../sparse-rows.ts';
import { UsageError } from '../../foundation/errors.ts';
import type { DictionaryState } from './dictionary-state.ts';
import { Selector } from './encoding.ts';
import { centre, elementGroups, reconstruct, wholeTile } from './forward.ts';
import { BEGIN_RESIDUALS, UNSCALE } from './kernels/reconstruct.ts';
import { rowsIn } from './rows.ts';

/** Tokens that are encoded or decoded at once, as in the other engines. */
const MAX_TOKENS_A_CALL = 4096;

/** What a dictionary works with; the state is its own. */
export interface WebGpuResources {
  readonly state: DictionaryState;
  readonly queue: CallQueue;
  readonly onDispose: (dictionary: EngineDictionary) => void;
}

/** A dictionary whose numbers live on the GPU. One call of an engine runs at a time. */
export class WebGpuDictionary implements EngineDictionary {
  readonly shape: EngineShape;
  protected readonly held: DictionaryState;
  protected readonly selector: Selector;
  readonly #resources: WebGpuResources;
  #disposed = false;

  constructor(resources: WebGpuResources) {
    this.shape = resources.state.shape;
    this.held = resources.state;
    this.selector = new Selector(resources.state);
    this.#resources = resources;
  }

  /** Waits for the calls before it, then runs `work`. */
  protected enqueue<T>(work: () => Promise<T>): Promise<T> {
    return this.#resources.queue.run(async () => {
      if (this.#disposed) throw new UsageError('the dictionary was disposed of and cannot be used any more');
      this.held.recorder.forget();
      return work();
    });
  }

  encode(activations: Float32Array): Promise<SparseFeatures> {
    return this.enqueue(async () => {
      const { dIn } = this.shape;
      const tokens = tokensOf(this.shape, activations);
      const parts: SparseFeatures[] = [];
      for (let first = 0; first < tokens || parts.length === 0; first += MAX_TOKENS_A_CALL) {
        const block = activations.subarray(first * dIn, Math.min(tokens, first + MAX_TOKENS_A_CALL) * dIn);
        requireFinite(block, dIn, first);
        parts.push(await this.#encodeBlock(block));
      }
      return joinRows(parts);
    });
  }

  async #encodeBlock(activations: Float32Array): Promise<SparseFeatures> {
    const state = this.held;
    const tokens = activations.length / this.shape.dIn;
    if (tokens === 0) return { offsets: new Uint32Array(1), features: new Uint32Array(), values: new Float32Array() };
    const z = state.memory.room('tokens', activations.length);
    state.recorder.write(z, activations);
    state.derive(false);
    centre(state, { tokens, z });
    const { rows, count } = await this.selector.run(tokens, z, false, () => []);
    const [offsets, features, values] = await state.recorder.read(
      [rows.starts, (tokens + 1) * 4],
      [rows.features, count * 4],
      [rows.values, count * 4],
    );
    return {
      offsets: new Uint32Array(offsets!),
      features: new Uint32Array(features!),
      values: new Float32Array(values!),
    };
  }

  decode(features: SparseFeatures): Promise<Float32Array> {
    return this.enqueue(async () => {
      const tokens = checkFeatures(this.shape, features);
      const { dOut } = this.shape;
      const output = new Float32Array(tokens * dOut);
      for (let first = 0; first < tokens; first += MAX_TOKENS_A_CALL) {
        const last = Math.min(tokens, first + MAX_TOKENS_A_CALL);
        const start = features.offsets[first]!;
        const block = {
          offsets: features.offsets.slice(first, last + 1).map((offset) => offset - start),
          features: features.features.subarray(start, features.offsets[last]),
          values: features.values.subarray(start, features.offsets[last]),
        };
        output.set(await this.#decodeBlock(block), first * dOut);
      }
      return output;
    });
  }

  async #decodeBlock({ offsets, features, values }: SparseFeatures): Promise<Float32Array> {
    const { memory, parameters, recorder, facts, formulas } = this.held;
    const tokens = offsets.length - 1;
    const rows = rowsIn(memory, 'rows', tokens, features.length);
    const count = tokens * this.shape.dOut;
    const output = memory.room('output', count);
    recorder.write(rows.starts, offsets);
    recorder.write(rows.features, features);
    recorder.write(rows.values, values);
    this.held.derive(false);
    recorder.dispatch(
      BEGIN_RESIDUALS,
      {
        decoderBias: parameters.vector('values', 'decoderBias'),
        targets: memory.room('no list', 1),
        residuals: output,
      },
      { count, width: this.shape.dOut, origin: 2, adds: 0 },
      elementGroups(count),
    );
    const { architecture } = this.shape;
    if (formulas.usesNorms && 'rescaledByDecoderNorm' in architecture)
      recorder.dispatch(
        UNSCALE,
        { features: rows.features, facts, values: rows.values },
        { count: features.length },
        elementGroups(features.length),
      );
    for (const tile of parameters.tiles) reconstruct(this.held, rows, rows.values, tokens, wholeTile(tile), output);
    const [data] = await recorder.read([output, count * 4]);
    return new Float32Array(data!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.queue.run(() => {
      if (!this.#disposed) {
        this.held.memory.free();
        this.#resources.onDispose(this);
      }
      this.#disposed = true;
      return Promise.resolve();
    });
  }
}
