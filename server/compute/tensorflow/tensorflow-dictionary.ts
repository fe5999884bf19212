import type { Tensor } from '@tensorflow/tfjs-core';
import type { CallQueue } from '../call-queue.ts';
import { checkFeatures, requireFinite, tokensOf } from '../engine-checks.ts';
import type { DictionaryParameters, EngineDictionary, EngineShape, SparseFeatures } from '../engine.ts';
import { joinRows } from '../sparse-rows.ts';
import { UsageError } from '../../foundation/errors.ts';
import type { Tf } from './backend.ts';
import { activate, choose, isRescaled, preActivations, type Model, type VariableModel } from './pass.ts';
import { rowNorms } from './slopes.ts';
import { floatsOf, scoped, variablesOf } from './tensors.ts';

/** Tokens that are encoded or decoded at once, as in the other engines. */
const MAX_TOKENS_A_CALL = 4096;
/** Entries of a dense [tokens, d_sae] where tokens can come one block after another. */
const MAX_CELLS_A_CALL = 2 ** 24;

/** What a dictionary works with. */
export interface TensorFlowResources {
  readonly tf: Tf;
  readonly queue: CallQueue;
  readonly onDispose: (dictionary: EngineDictionary) => void;
}

/** Rows of a dense matrix without their zeros. */
function compress(dense: Float32Array, dSae: number): SparseFeatures {
  const tokens = dense.length / dSae;
  const count = dense.reduce((sum, value) => sum + Number(value !== 0), 0);
  const rows = {
    offsets: new Uint32Array(tokens + 1),
    features: new Uint32Array(count),
    values: new Float32Array(count),
  };
  let entry = 0;
  for (let token = 0; token < tokens; token++) {
    for (let feature = 0; feature < dSae; feature++) {
      const value = dense[token * dSae + feature]!;
      if (value === 0) continue;
      rows.features[entry] = feature;
      rows.values[entry++] = value;
    }
    rows.offsets[token + 1] = entry;
  }
  return rows;
}

/** A dictionary as variables of TensorFlow. A call blocks the thread while it computes. */
export class TensorFlowDictionary implements EngineDictionary {
  readonly shape: EngineShape;
  protected readonly held: VariableModel;
  readonly #resources: TensorFlowResources;
  #disposed = false;

  /** Copies the arrays. */
  constructor(resources: TensorFlowResources, shape: EngineShape, parameters: DictionaryParameters) {
    this.shape = shape;
    this.#resources = resources;
    const { tf } = resources;
    this.held = { tf, shape, parameters: variablesOf(tf, shape, parameters) };
  }

  /** Waits for the calls before it, then runs `work`. */
  protected enqueue<T>(work: () => T): Promise<T> {
    return this.#resources.queue.run(() => {
      if (this.#disposed) throw new UsageError('the dictionary was disposed of and cannot be used any more');
      return Promise.resolve(work());
    });
  }

  /** With θ ≥ 0. Call it within a scope. */
  #model(): Model {
    const { tf, shape, parameters } = this.held;
    if (shape.architecture.kind !== 'jumprelu') return this.held;
    return { tf, shape, parameters: { ...parameters, threshold: tf.relu<Tensor>(parameters.threshold) } };
  }

  #blockOf(tokens: number): number {
    const { architecture, dSae } = this.shape;
    const choosesAmongAll = architecture.kind === 'batchtopk' || architecture.kind === 'matryoshka';
    const fitting = choosesAmongAll ? MAX_TOKENS_A_CALL : Math.max(1, Math.floor(MAX_CELLS_A_CALL / dSae));
    return Math.min(tokens, fitting, MAX_TOKENS_A_CALL);
  }

  encode(activations: Float32Array): Promise<SparseFeatures> {
    return this.enqueue(() => {
      const { dIn } = this.shape;
      const tokens = tokensOf(this.shape, activations);
      if (tokens === 0) return compress(new Float32Array(), this.shape.dSae);
      const block = this.#blockOf(tokens);
      const parts: SparseFeatures[] = [];
      for (let first = 0; first < tokens; first += block) {
        const rows = activations.subarray(first * dIn, Math.min(tokens, first + block) * dIn);
        requireFinite(rows, dIn, first);
        parts.push(this.#encodeBlock(rows));
      }
      return joinRows(parts);
    });
  }

  #encodeBlock(rows: Float32Array): SparseFeatures {
    const { tf, shape } = this.held;
    return scoped(tf, () => {
      const model = this.#model();
      const given = preActivations(model, tf.tensor(rows.slice(), [rows.length / shape.dIn, shape.dIn]));
      return compress(floatsOf(activate(model, given, choose(model, given)).features), shape.dSae);
    });
  }

  decode(features: SparseFeatures): Promise<Float32Array> {
    return this.enqueue(() => {
      const tokens = checkFeatures(this.shape, features);
      const { dOut } = this.shape;
      const output = new Float32Array(tokens * dOut);
      const block = this.#blockOf(tokens);
      for (let first = 0; first < tokens; first += block) {
        const last = Math.min(tokens, first + block);
        output.set(this.#decodeBlock(features, first, last), first * dOut);
      }
      return output;
    });
  }

  #decodeBlock({ offsets, features, values }: SparseFeatures, first: number, last: number): Float32Array {
    const { tf, shape, parameters } = this.held;
    const dense = new Float32Array((last - first) * shape.dSae);
    for (let token = first; token < last; token++)
      for (let entry = offsets[token]!; entry < offsets[token + 1]!; entry++)
        dense[(token - first) * shape.dSae + features[entry]!] = values[entry]!;
    return scoped(tf, () => {
      const f = tf.tensor(dense, [last - first, shape.dSae]);
      const decoded = isRescaled(shape) ? tf.divNoNan<Tensor>(f, rowNorms(tf, parameters.decoder)) : f;
      return floatsOf(tf.add(tf.matMul(decoded, parameters.decoder), parameters.decoderBias));
    });
  }

  /** Frees everything that the dictionary holds in TensorFlow's memory. */
  protected free(): void {
    this.held.tf.dispose(this.held.parameters);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.queue.run(() => {
      if (!this.#disposed) {
        this.free();
        this.#resources.onDispose(this);
      }
      this.#disposed = true;
      return Promise.resolve();
    });
  }
}
