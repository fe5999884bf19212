import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import * as ort from 'onnxruntime-node';
import { planBatches, type SequenceBatch } from './batch-plan.ts';
import { TENSOR, type ModelPart } from './cut-model.ts';
import { modelFeeds, PaddedBatch, type Feeds } from './model-feeds.ts';
import type { ModelOutputs, ModelWork } from './model-request.ts';
import type { ModelSessions } from './model-sessions.ts';

/** Tokens run at once where the part ends before the logits: enough for full-speed products, small enough to answer others soon. */
export const TOKENS_OF_STREAM = 1024;
/** Bytes of logits at once. */
const BYTES_OF_LOGITS = 12 * 2 ** 20;
const BYTES_OF_REFERENCES = 96 * 2 ** 20;

type Outputs = { -readonly [K in keyof ModelOutputs]: Float32Array[] };

/** What is left to do of a piece of work. */
export interface OpenWork {
  readonly work: ModelWork;
  readonly batches: SequenceBatch[];
  readonly outputs: Outputs;
}

/** Runs batches of work through a model's parts. */
export class ModelRunner {
  readonly #sessions: ModelSessions;
  /** Log-probabilities of the unchanged model: the zero-ablated and every dictionary's run compare with the same ones. */
  readonly #references = new LRUCache<string, ort.Tensor>({
    maxSize: BYTES_OF_REFERENCES,
    sizeCalculation: ({ size }) => Math.max(1, size * 4),
  });

  constructor(sessions: ModelSessions) {
    this.#sessions = sessions;
  }

  open(work: ModelWork): OpenWork {
    return { work, batches: planBatches(work.sequences, this.#tokensAtOnce(work.part)), outputs: {} };
  }

  #tokensAtOnce({ kind }: ModelPart): number {
    const { graph, logitsWidth } = this.#sessions.cut;
    // Dynamic quantisation takes one scale over the whole batch: a sequence would change with its neighbours.
    if (graph.nodes.some(({ opType }) => opType === 'DynamicQuantizeLinear')) return 1;
    return kind === 'head' ? TOKENS_OF_STREAM : Math.max(1, Math.floor(BYTES_OF_LOGITS / 4 / logitsWidth));
  }

  /** Runs the first of the batches left. */
  async step({ work, batches, outputs }: OpenWork): Promise<void> {
    if (work.part.kind === 'unembedding') {
      outputs.logits = [await this.#unembed(work.replacement[0]!)];
      return;
    }
    const { members, longest } = batches.shift()!;
    const batch = new PaddedBatch(
      members.map((place) => work.sequences[place]!),
      longest,
    );
    const of = (rows: readonly Float32Array[]): Float32Array[] => members.map((place) => rows[place]!);
    const got = await this.#run(work.part, batch, of(work.replacement), of(work.original ?? []));
    for (const [kind, rows] of Object.entries(got) as [keyof Outputs, Float32Array[]][])
      for (const [i, place] of members.entries()) (outputs[kind] ??= [])[place] = rows[i]!;
  }

  async #run(
    part: Exclude<ModelWork['part'], { kind: 'unembedding' }>,
    batch: PaddedBatch,
    replacement: readonly Float32Array[],
    original: readonly Float32Array[],
  ): Promise<Outputs> {
    const width = this.#sessions.cut.config.dModel;
    const extra: Feeds = {};
    if (part.kind === 'losses' || part.kind === 'spliced') extra[TENSOR.targets] = batch.targets;
    if (part.kind === 'spliced' || part.kind === 'divergence' || (part.kind === 'logits' && part.hookPoint !== null))
      extra[TENSOR.replacement] = batch.floats(replacement, width);
    if (part.kind === 'divergence') {
      extra[TENSOR.original] = batch.floats(original, width);
      extra[TENSOR.counted] = batch.counted;
    }
    if (part.kind === 'spliced') extra[TENSOR.reference] = await this.#reference(batch);
    const results = await this.#session(part, batch, extra);
    const rows = (name: string, drop = 0): Float32Array[] => batch.rows(results[name]!, drop);
    switch (part.kind) {
      case 'head':
        return { stream: rows(TENSOR.stream) };
      case 'logits':
        return { logits: rows(TENSOR.logits) };
      case 'losses':
        return {
          ...(part.hookPoint === null ? {} : { stream: rows(TENSOR.stream) }),
          loss: rows(TENSOR.loss, 1),
        };
      case 'spliced':
        return { loss: rows(TENSOR.loss, 1), divergence: rows(TENSOR.divergence, 1) };
      case 'divergence':
        return { divergence: rows(TENSOR.divergence), gradient: rows(TENSOR.gradient) };
    }
  }

  async #session(part: ModelPart, batch: PaddedBatch, extra: Feeds): Promise<ort.InferenceSession.OnnxValueMapType> {
    const session = await this.#sessions.session(part);
    const { graph, config } = this.#sessions.cut;
    return session.run({ ...modelFeeds(session.inputNames, graph.inputs, batch, config), ...extra });
  }

  async #reference(batch: PaddedBatch): Promise<ort.Tensor> {
    const ids = batch.ids.data as BigInt64Array;
    const key = `${batch.size} ${createHash('sha256').update(ids).digest('base64')}`;
    let reference = this.#references.get(key);
    if (reference === undefined) {
      const results = await this.#session({ kind: 'reference' }, batch, {});
      reference = results[TENSOR.logProbabilities]!;
      this.#references.set(key, reference);
    }
    return reference;
  }

  async #unembed(directions: Float32Array): Promise<Float32Array> {
    const session = await this.#sessions.session({ kind: 'unembedding' });
    const width = this.#sessions.cut.config.dModel;
    const input = new ort.Tensor('float32', directions, [directions.length / width, width]);
    const results = await session.run({ [TENSOR.directions]: input });
    return (results[TENSOR.logits]!.data as Float32Array).slice();
  }
}
