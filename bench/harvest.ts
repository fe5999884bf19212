/**
 * Harvest to disk beside the model's head alone over the same sequences, tokenised beforehand; rounds are interleaved and the ratio is of
 * the medians. Then a training loop over what was harvested: the share of its time that it waits for rows.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineShape } from '../server/compute/engine.ts';
import { sampleCorpora } from '../server/corpus/sample-corpora.ts';
import { sha256 } from '../server/foundation/hash.ts';
import { Home } from '../server/foundation/home.ts';
import { throwIfStopped, unwatched, type JobControl } from '../server/foundation/progress.ts';
import { Random } from '../server/foundation/random.ts';
import { sequencesOfText } from '../server/model/sequences.ts';
import type { HarvestRequest } from '../server/protocol/requests.ts';
import type { Selection } from '../server/retrieve/selection.ts';
import { harvest } from '../server/services/harvest.ts';
import { Resources } from '../server/services/resources.ts';
import { openActivationShards } from '../server/train/activation-shards.ts';
import { BatchFeed } from '../server/train/batch-feed.ts';

const MODEL = 'builtin';
const HOOK_POINT = 'blocks.2.hook_resid_post';
const TOKENS = 16_384;
const GLOSSES_A_PASSAGE = 8;
const DTYPES = ['float32', 'float16'] as const;
const BATCH = 2048;
const D_SAE = 8192;
const STEPS = 20;

export interface HarvestRow {
  readonly measure: 'harvest to disk' | 'training loop';
  readonly dtype: HarvestRequest['dtype'];
  readonly peer: string | null;
  readonly tokens: number;
  readonly rounds: number;
  /** The head's median over ours: the harvest's rate as a share of the model's own. */
  readonly ratio: number | null;
  readonly ourMilliseconds: number;
  readonly peerMilliseconds: number | null;
  /** Of the loop's time; null for a harvest. */
  readonly waitShare: number | null;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Passages of several glosses each, about `TOKENS` tokens. */
function selectionOf(countTokens: (text: string) => number): Selection {
  const glosses = sampleCorpora.find(({ name }) => name === 'wordnet')!.records();
  const hits: Selection['hits'][number][] = [];
  let [tokens, texts]: [number, string[]] = [0, []];
  for (const { text: gloss } of glosses) {
    texts.push(gloss);
    if (texts.length < GLOSSES_A_PASSAGE) continue;
    const text = texts.join('\n');
    texts = [];
    const provenance = { source: 'wordnet', document: String(hits.length), start: 0, end: text.length, line: null };
    const id = sha256(text).slice(0, 16);
    const passage = { id, text, tokens: countTokens(text), contentHash: sha256(text), provenance, fields: {} };
    hits.push({ rank: hits.length + 1, score: 1, passage });
    tokens += passage.tokens;
    if (tokens >= TOKENS) break;
  }
  return { arm: 'random', corpus: 'wordnet', seedSet: 's', hits, tokens, overlapDropped: 0, note: null, seconds: 0 };
}

/** Steps of a TopK dictionary over the folder's rows, epoch after epoch. */
async function trainingLoop(folder: string, resources: Resources): Promise<{ milliseconds: number; waited: number }> {
  const { data } = await openActivationShards(folder);
  const { dIn, rows } = data;
  const shape: EngineShape = {
    ...{ dIn, dOut: dIn, dSae: D_SAE, architecture: { kind: 'topk', k: 32, rescaledByDecoderNorm: false } },
    ...{ applyDecoderBiasToInput: true, unitNormDecoder: true, skip: false },
  };
  const random = new Random(1);
  const decoder = Float32Array.from({ length: D_SAE * dIn }, () => random.normal() / Math.sqrt(dIn));
  const start = { decoder, encoder: decoder.slice(), encoderBias: new Float32Array(D_SAE) };
  const engine = await resources.engine('auto');
  await using trainer = await engine.trainer(shape, { ...start, decoderBias: new Float32Array(dIn) });
  await using feed = new BatchFeed(data, [{ first: 0, end: rows }], { seed: 1 });
  await feed.seek(0);
  const equal = new Float64Array(BATCH).fill(1 / BATCH);
  const took = await milliseconds(async () => {
    for (let step = 0; step < STEPS; step++) {
      const { values } = await feed.deal(BATCH, { input: 1, output: 1 }, step);
      await trainer.forward(values, { sparsityCoefficient: 0 });
      const adam = {
        learningRate: 1e-4,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        maxGradientNorm: null,
        auxiliary: null,
      };
      await trainer.backward({ reconstruction: equal, sparsity: equal }, adam);
    }
  });
  return { milliseconds: took, waited: feed.waitedMilliseconds };
}

export async function benchHarvest(
  rounds: number,
  control: JobControl,
): Promise<{ machine: string; rows: HarvestRow[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'ssae-bench-'));
  try {
    await using resources = new Resources(new Home(join(folder, 'home')), null);
    const model = await resources.model(MODEL);
    const selection = selectionOf((text) => model.encode(text).ids.length - 1);
    const config = { arm: 'random', corpus: 'wordnet', seeds: 's', tokens: TOKENS, candidates: 1, seed: 0 } as const;
    await resources.selections.save('bench', selection, {
      config: { ...config, dictionary: null, pinned: [], struck: [] },
      inputs: { corpus: '', seeds: '', embedder: null, dictionary: null },
    });
    const sequences = selection.hits
      .flatMap(({ passage }) => sequencesOfText(model.encode(passage.text), model.description.contextLength))
      .map(({ ids }) => ids);
    const head = (): Promise<unknown> => model.activations(HOOK_POINT, sequences, control.signal);
    await head();
    const rows: HarvestRow[] = [];
    for (const dtype of DTYPES) {
      const times = { ours: [] as number[], peer: [] as number[] };
      const output = (round: number): string => join(folder, `${dtype}-${round}`);
      for (let round = 0; round < rounds; round++) {
        throwIfStopped(control);
        const request: HarvestRequest = {
          ...{ model: MODEL, hookPoint: HOOK_POINT, text: { kind: 'selection', selection: 'bench' }, tokens: null },
          ...{ dtype, shard: { index: 1, count: 1 }, seed: 0, output: output(round) },
        };
        times.peer.push(await milliseconds(head));
        times.ours.push(await milliseconds(() => harvest(request, resources, unwatched)));
        control.report({ stage: `harvest in ${dtype}`, done: round + 1, total: rounds, unit: 'rounds' });
      }
      const [ourMilliseconds, peerMilliseconds] = [median(times.ours), median(times.peer)];
      rows.push({
        ...{ measure: 'harvest to disk', dtype, peer: 'the head alone', tokens: selection.tokens, rounds },
        ...{ ratio: peerMilliseconds / ourMilliseconds, ourMilliseconds, peerMilliseconds, waitShare: null },
      });
      const loop = await trainingLoop(output(0), resources);
      rows.push({
        ...{ measure: 'training loop', dtype, peer: null, tokens: STEPS * BATCH, rounds: 1, ratio: null },
        ...{ ourMilliseconds: loop.milliseconds, peerMilliseconds: null, waitShare: loop.waited / loop.milliseconds },
      });
    }
    return { machine: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores`, rows };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
