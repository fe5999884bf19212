/**
 * Retrieval on this machine: 50,000 WordNet glosses, queries of 30 words. Where the peers' environment stands beside the
 * clone (`../.venv-peers`, `../shared/tools/peers`), each round also runs bm25s and FAISS (exact) on the same texts, vectors and queries.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CorpusStore } from '../server/corpus/corpus-store.ts';
import { ingest } from '../server/corpus/ingest.ts';
import { sampleCorpora } from '../server/corpus/sample-corpora.ts';
import type { TextTokenizer } from '../server/foundation/encoding.ts';
import { Home } from '../server/foundation/home.ts';
import { packageRoot, shippedFile } from '../server/foundation/package-root.ts';
import { throwIfStopped, type JobControl } from '../server/foundation/progress.ts';
import { Random } from '../server/foundation/random.ts';
import { DenseIndex } from '../server/retrieve/dense-index.ts';
import { openSentenceEncoder, type SentenceEncoder } from '../server/retrieve/sentence-encoder.ts';

const PASSAGES = 50_000;
const QUERIES = 200;
const QUERY_WORDS = 30;
const BM25_TOP = 10;
const DENSE_TOP = 100;

export interface RetrievalRow {
  readonly measure: 'ingest' | 'embed' | 'bm25 p50' | 'bm25 p95' | 'dense p50' | 'dense p95';
  readonly peer: string | null;
  readonly passages: number;
  readonly top: number | null;
  readonly rounds: number;
  /** Peer's median over ours; null without a peer. */
  readonly ratio: number | null;
  /** Medians over the rounds. `ingest` and `embed` are the time of all passages, the others of one query. */
  readonly ourMilliseconds: number;
  readonly peerMilliseconds: number | null;
}

export interface RetrievalBenchmark {
  readonly machine: string;
  readonly rows: readonly RetrievalRow[];
}

/** Words with the white space before them: the cheapest tokenizer, so that ingest is what is measured. */
const words: TextTokenizer = {
  contentHash: 'bench-words',
  encode(text) {
    const found = [...text.matchAll(/\s*\S+(?:\s+$)?/g)];
    return {
      ids: new Int32Array(found.length),
      starts: Uint32Array.from(found, ({ index }) => index),
      ends: Uint32Array.from(found, ({ index, 0: word }) => index + word.length),
      special: new Uint8Array(found.length),
    };
  },
};

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

/** A float32 matrix [rows, columns] in NumPy's format, version 1.0. */
function npy(matrix: Float32Array, columns: number): Buffer {
  const shape = `{'descr': '<f4', 'fortran_order': False, 'shape': (${matrix.length / columns}, ${columns}), }`;
  const header = `${shape.padEnd(Math.ceil((shape.length + 11) / 64) * 64 - 11)}\n`;
  const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 0xff, header.length >> 8]);
  return Buffer.concat([prefix, Buffer.from(header), Buffer.from(matrix.buffer, matrix.byteOffset, matrix.byteLength)]);
}

/** Glosses and queries, the same every time. */
function problem(): { texts: string[]; queries: string[] } {
  const texts: string[] = [];
  for (const { text } of sampleCorpora.find(({ name }) => name === 'wordnet')!.records()) {
    texts.push(text);
    if (texts.length === PASSAGES) break;
  }
  const random = new Random(0);
  const queries = Array.from({ length: QUERIES }, () => {
    const query: string[] = [];
    while (query.length < QUERY_WORDS) query.push(...texts[random.below(texts.length)]!.match(/\w+/g)!);
    return query.slice(0, QUERY_WORDS).join(' ');
  });
  return { texts, queries };
}

interface Latency {
  readonly p50: number;
  readonly p95: number;
}

async function latencyOf<T>(queries: readonly T[], search: (query: T) => Promise<unknown>): Promise<Latency> {
  const times: number[] = [];
  for (const query of queries) {
    const start = performance.now();
    await search(query);
    times.push(performance.now() - start);
  }
  return { p50: quantile(times, 0.5), p95: quantile(times, 0.95) };
}

const PEER_PYTHON = join(packageRoot, '..', '.venv-peers', 'bin', 'python');
const PEER_SCRIPT = join(packageRoot, '..', 'shared', 'tools', 'peers', 'peer_retrieve.py');

async function peerLatency(engine: string, ...parameters: string[]): Promise<(Latency & { index: number }) | null> {
  if (!existsSync(PEER_PYTHON) || !existsSync(PEER_SCRIPT)) return null;
  const call = [PEER_SCRIPT, '--engine', engine, ...parameters, '--repeat', '1', '--json'];
  const { stdout } = await promisify(execFile)(PEER_PYTHON, call, { maxBuffer: 1 << 24 });
  const report = JSON.parse(stdout) as { indexSeconds: number; queryMsP50: number; queryMsP95: number };
  return { p50: report.queryMsP50, p95: report.queryMsP95, index: report.indexSeconds * 1000 };
}

interface Round {
  readonly ours: { readonly bm25: Latency; readonly dense: Latency; readonly embed: number };
  readonly peers: Awaited<ReturnType<typeof peerLatency>>[];
}

async function embedMilliseconds(encoder: SentenceEncoder, texts: readonly string[]): Promise<number> {
  const start = performance.now();
  await encoder.embed(texts);
  return performance.now() - start;
}

function rowsOf(rounds: readonly Round[], ingestMilliseconds: number): RetrievalRow[] {
  const row = (
    measure: RetrievalRow['measure'],
    peer: string,
    top: number | null,
    ours: (round: Round) => number,
    theirs: (round: Round) => number | undefined,
  ): RetrievalRow => {
    const ourMilliseconds = quantile(rounds.map(ours), 0.5);
    const times = rounds.map(theirs).filter((time) => time !== undefined);
    const peerMilliseconds = times.length === 0 ? null : quantile(times, 0.5);
    return {
      ...{ measure, peer: peerMilliseconds === null ? null : peer, passages: PASSAGES, top, rounds: rounds.length },
      ...{
        ratio: peerMilliseconds === null ? null : peerMilliseconds / ourMilliseconds,
        ourMilliseconds,
        peerMilliseconds,
      },
    };
  };
  const none = (): undefined => undefined;
  return [
    // bm25s keeps its index in memory and holds neither texts nor vectors: its time is a part of the work.
    row(
      'ingest',
      'bm25s',
      null,
      () => ingestMilliseconds,
      ({ peers }) => peers[0]?.index,
    ),
    row('embed', '', null, ({ ours }) => ours.embed, none),
    row(
      'bm25 p50',
      'bm25s',
      BM25_TOP,
      ({ ours }) => ours.bm25.p50,
      ({ peers }) => peers[0]?.p50,
    ),
    row(
      'bm25 p95',
      'bm25s',
      BM25_TOP,
      ({ ours }) => ours.bm25.p95,
      ({ peers }) => peers[0]?.p95,
    ),
    row(
      'dense p50',
      'faiss-flat',
      DENSE_TOP,
      ({ ours }) => ours.dense.p50,
      ({ peers }) => peers[1]?.p50,
    ),
    row(
      'dense p95',
      'faiss-flat',
      DENSE_TOP,
      ({ ours }) => ours.dense.p95,
      ({ peers }) => peers[1]?.p95,
    ),
  ];
}

/** @param rounds in which ours and the peers run in turn */
export async function benchRetrieve(rounds: number, control: JobControl): Promise<RetrievalBenchmark> {
  const folder = await mkdtemp(join(tmpdir(), 'ssae-bench-retrieve-'));
  try {
    const { texts, queries } = problem();
    const [corpusFile, queryFile, vectorFile, queryVectorFile] = [
      'corpus.jsonl',
      'queries.txt',
      'vectors.npy',
      'queries.npy',
    ].map((name) => join(folder, name)) as [string, string, string, string];
    await writeFile(corpusFile, texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
    await writeFile(queryFile, queries.join('\n'));
    const encoder = await openSentenceEncoder(shippedFile('server', 'embedded', 'models', 'ssae-encoder'));
    await using store = await CorpusStore.open(new Home(folder));
    const request = {
      corpus: 'bench',
      sources: [corpusFile],
      textField: 'text',
      idField: null,
      unit: 'document',
      windowTokens: 128,
    } as const;
    const { seconds } = await ingest(
      { ...request, sources: [corpusFile] },
      { store, tokenizer: words, embedder: encoder },
      control,
    );
    const corpus = await store.corpus('bench');
    const vectors = await corpus.vectors();
    const queryMatrix = await encoder.embed(queries);
    await writeFile(vectorFile, npy(vectors.matrix, encoder.dimensions));
    await writeFile(queryVectorFile, npy(queryMatrix, encoder.dimensions));
    await using index = new DenseIndex(vectors);
    const queryVectors = queries.map((_, i) => queryMatrix.slice(i * encoder.dimensions, (i + 1) * encoder.dimensions));
    const done: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      throwIfStopped(control);
      control.report({ stage: 'measuring', done: round, total: rounds, unit: 'rounds' });
      const ours = {
        bm25: await latencyOf(queries, (query) => corpus.bm25(query, BM25_TOP)),
        dense: await latencyOf(queryVectors, (query) => index.search(query, DENSE_TOP)),
        embed: await embedMilliseconds(encoder, texts),
      };
      const peers = [
        await peerLatency('bm25s', '--corpus', corpusFile, '--queries', queryFile, '--top', `${BM25_TOP}`),
        await peerLatency(
          'faiss-flat',
          '--vectors',
          vectorFile,
          '--queries',
          queryVectorFile,
          '--metric',
          'ip',
          '--top',
          `${DENSE_TOP}`,
        ),
      ];
      done.push({ ours, peers });
    }
    return {
      machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`,
      rows: rowsOf(done, seconds * 1000),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
