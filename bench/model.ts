/**
 * A model's head on this machine: tokens a second that `LanguageModel.activations` gives, against a bare onnxruntime loop over the same
 * head, fed with the same batches made beforehand. Rounds are interleaved; the ratio is of the medians.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { sampleCorpora } from '../server/corpus/sample-corpora.ts';
import { Home } from '../server/foundation/home.ts';
import { throwIfStopped, type JobControl } from '../server/foundation/progress.ts';
import { planBatches } from '../server/model/batch-plan.ts';
import type { LanguageModel, TokenSequence } from '../server/model/language-model.ts';
import { modelFeeds, PaddedBatch, type Feeds } from '../server/model/model-feeds.ts';
import { TOKENS_OF_STREAM } from '../server/model/model-runner.ts';
import { ModelSessions } from '../server/model/model-sessions.ts';
import { ModelStore } from '../server/model/model-store.ts';
import { sequencesOfText } from '../server/model/sequences.ts';

const TOKENS = 16_384;
const QUERY_TOKENS = 200;

export interface ModelRow {
  readonly measure: 'head, short texts' | 'head, whole contexts' | 'query of 200 tokens' | 'tokenizer';
  readonly model: string;
  readonly hookPoint: string | null;
  readonly peer: string | null;
  readonly tokens: number;
  readonly rounds: number;
  /** Peer's median over ours. */
  readonly ratio: number | null;
  readonly ourMilliseconds: number;
  readonly peerMilliseconds: number | null;
  readonly ourTokensPerSecond: number;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const tokensOf = (sequences: readonly TokenSequence[]): number =>
  sequences.reduce((sum, { length }) => sum + length, 0);

/** Glosses, each a sequence, until they hold enough tokens; and the same text as whole contexts. */
function problem(model: LanguageModel): { texts: string[]; short: TokenSequence[]; whole: TokenSequence[] } {
  const { contextLength } = model.description;
  const [texts, short]: [string[], TokenSequence[]] = [[], []];
  for (const { text } of sampleCorpora.find(({ name }) => name === 'wordnet')!.records()) {
    if (tokensOf(short) >= TOKENS) break;
    texts.push(text);
    short.push(...sequencesOfText(model.encode(text), contextLength).map(({ ids }) => ids));
  }
  const whole = sequencesOfText(model.encode(texts.join('\n')), contextLength).map(({ ids }) => ids);
  return { texts, short, whole };
}

/** The head's session with feeds made beforehand: nothing but onnxruntime. */
async function bareLoop(
  sessions: ModelSessions,
  hookPoint: string,
  sequences: readonly TokenSequence[],
): Promise<() => Promise<void>> {
  const session = await sessions.session({ kind: 'head', hookPoint });
  const { graph, config } = sessions.cut;
  const batches = planBatches(sequences, TOKENS_OF_STREAM).map(({ members, longest }): Feeds => {
    const batch = new PaddedBatch(
      members.map((place) => sequences[place]!),
      longest,
    );
    return modelFeeds(session.inputNames, graph.inputs, batch, config);
  });
  return async () => {
    for (const feeds of batches) await session.run(feeds);
  };
}

/** @param name a model, as every command takes it */
export async function benchModel(
  rounds: number,
  control: JobControl,
  name = 'builtin',
): Promise<{ machine: string; rows: ModelRow[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'ssae-bench-'));
  try {
    const store = new ModelStore(new Home(folder));
    await using model = await store.open(name);
    const place = await store.resolve(name);
    const sessions = await ModelSessions.open(place.folder, place.file, 0);
    const { layers } = model.description;
    const hookPoint = `blocks.${Math.floor(layers / 2)}.hook_resid_post`;
    const { texts, short, whole } = problem(model);
    const heads = [
      { measure: 'head, short texts', sequences: short },
      { measure: 'head, whole contexts', sequences: whole },
    ] as const;
    const rows: ModelRow[] = [];
    for (const [i, { measure, sequences }] of heads.entries()) {
      const bare = await bareLoop(sessions, hookPoint, sequences);
      const ours = (): Promise<unknown> => model.activations(hookPoint, sequences, control.signal);
      await bare();
      await ours();
      const times = { ours: [] as number[], peer: [] as number[] };
      for (let round = 0; round < rounds; round++) {
        throwIfStopped(control);
        times.peer.push(await milliseconds(bare));
        times.ours.push(await milliseconds(ours));
        control.report({ stage: measure, done: i * rounds + round + 1, total: heads.length * rounds, unit: 'rounds' });
      }
      rows.push(rowOf(measure, name, hookPoint, tokensOf(sequences), times));
    }
    const query = [whole[0]!.slice(0, QUERY_TOKENS)];
    const queries: number[] = [];
    for (let i = 0; i < 10 * rounds; i++) queries.push(await milliseconds(() => model.activations(hookPoint, query)));
    rows.push(rowOf('query of 200 tokens', name, hookPoint, tokensOf(query), { ours: queries, peer: [] }));
    const encoding: number[] = [];
    for (let i = 0; i < rounds; i++)
      encoding.push(await milliseconds(() => Promise.resolve(texts.map((text) => model.encode(text)))));
    rows.push(rowOf('tokenizer', name, null, tokensOf(short), { ours: encoding, peer: [] }));
    return { machine: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores`, rows };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function rowOf(
  measure: ModelRow['measure'],
  model: string,
  hookPoint: string | null,
  tokens: number,
  { ours, peer }: { readonly ours: readonly number[]; readonly peer: readonly number[] },
): ModelRow {
  const ourMilliseconds = median(ours);
  const peerMilliseconds = peer.length === 0 ? null : median(peer);
  return {
    ...{ measure, model, hookPoint, tokens, rounds: ours.length, ourMilliseconds, peerMilliseconds },
    peer: peerMilliseconds === null ? null : 'onnxruntime alone',
    ratio: peerMilliseconds === null ? null : peerMilliseconds / ourMilliseconds,
    ourTokensPerSecond: (tokens / ourMilliseconds) * 1000,
  };
}
