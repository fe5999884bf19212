import { dirname, join } from 'node:path';
import { LRUCache } from 'lru-cache';
import * as ort from 'onnxruntime-node';
import { messageOf, WorkError } from '../foundation/errors.ts';
import { CutModel, TENSOR, type ModelPart } from './cut-model.ts';
import { tensorsOf } from './gradient/divergence-gradient.ts';
import type { TensorFacts } from './gradient/gradient-writer.ts';
import type { Tail } from './gradient/tail.ts';
import { readModelConfig } from './model-config.ts';
import { modelFeeds, PaddedBatch } from './model-feeds.ts';
import { OnnxGraph } from './onnx-graph.ts';
import { DATA_TYPE, readOnnxFile } from './onnx-file.ts';
import { findResidualStream } from './residual-stream.ts';

/** Sessions kept open; a part that is asked for again after others pushed it out is opened anew. */
const MAX_SESSIONS = 16;

/** @throws WorkError for a type that no gradient is computed in */
function dataTypeOf(tensor: string, type: ort.Tensor.Type): number {
  const known = Object.entries(DATA_TYPE).find(([name]) => name === type);
  if (known === undefined)
    throw new WorkError(`tensor "${tensor}" of the model's tail is ${type}, of which no gradient is computed`);
  return known[1];
}

/** A cut model's parts as onnxruntime sessions, each opened when first run. */
export class ModelSessions {
  readonly cut: CutModel;
  readonly #threads: number;
  /** The folder that the graph's references to weights are relative to. */
  readonly #weights: string;
  readonly #sessions = new LRUCache<string, Promise<ort.InferenceSession>>({
    max: MAX_SESSIONS,
    dispose: (session) => void session.then((opened) => opened.release()).catch(() => undefined),
  });

  private constructor(cut: CutModel, weights: string, threads: number) {
    this.cut = cut;
    this.#weights = weights;
    this.#threads = threads;
  }

  /**
   * @param folder holds config.json
   * @param file the ONNX file, below the folder
   * @param threads of onnxruntime; 0 for one a core
   */
  static async open(folder: string, file: string, threads: number): Promise<ModelSessions> {
    const config = await readModelConfig(folder);
    const path = join(folder, file);
    const graph = new OnnxGraph(await readOnnxFile(path));
    try {
      return new ModelSessions(
        new CutModel(graph, findResidualStream(graph, config.layers), config),
        dirname(path),
        threads,
      );
    } catch (error) {
      throw new WorkError(`${path} cannot be cut: ${messageOf(error)}`, { cause: error });
    }
  }

  session(part: ModelPart): Promise<ort.InferenceSession> {
    const key = 'hookPoint' in part ? `${part.kind} ${part.hookPoint ?? ''}` : part.kind;
    let session = this.#sessions.get(key);
    if (session === undefined) {
      session = this.#open(part);
      this.#sessions.set(key, session);
      session.catch(() => this.#sessions.delete(key));
    }
    return session;
  }

  async #open(part: ModelPart): Promise<ort.InferenceSession> {
    const bytes = part.kind === 'divergence' ? await this.#divergenceBytes(part.hookPoint) : this.cut.bytes(part);
    try {
      return await this.#create(bytes);
    } catch (error) {
      throw new WorkError(`onnxruntime could not open the model's ${part.kind}: ${messageOf(error)}`, { cause: error });
    }
  }

  #create(bytes: Uint8Array): Promise<ort.InferenceSession> {
    return ort.InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      intraOpNumThreads: this.#threads,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      extra: {
        session: {
          model_external_initializers_file_folder_path: this.#weights,
          // Threads that spin between two calls take the cores from the dictionary's engine and from the editor's window.
          intra_op: { allow_spinning: '0' },
        },
      },
    });
  }

  async #divergenceBytes(hookPoint: string): Promise<Uint8Array> {
    const tail = this.cut.tail(hookPoint);
    return this.cut.divergenceBytes(hookPoint, tail, await this.#tailFacts(hookPoint, tail));
  }

  /** Sizes and types in the tail, as onnxruntime finds them for two sequences of three tokens. */
  async #tailFacts(hookPoint: string, tail: Tail): Promise<Map<string, TensorFacts>> {
    const { graph, config } = this.cut;
    const sequence = new Int32Array(3);
    const batch = new PaddedBatch([sequence, sequence], sequence.length);
    const session = await this.#create(this.cut.tailTensors(hookPoint, tensorsOf(tail, graph)));
    try {
      const rows = new Float32Array(sequence.length * config.dModel).fill(1);
      const given = { [TENSOR.replacement]: batch.floats([rows, rows], config.dModel) };
      const results = await session.run({ ...modelFeeds(session.inputNames, graph.inputs, batch, config), ...given });
      return new Map(
        Object.entries(results).map(([name, { dims, type }]) => [name, { dims, type: dataTypeOf(name, type) }]),
      );
    } finally {
      await session.release();
    }
  }
}
