import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CorpusStore } from '../server/corpus/corpus-store.ts';
import { ingest } from '../server/corpus/ingest.ts';
import { Home } from '../server/foundation/home.ts';
import { unwatched } from '../server/foundation/progress.ts';
import { Random } from '../server/foundation/random.ts';
import { IngestRequest } from '../server/protocol/requests.ts';
import { wordTokenizer } from '../test/fixtures/corpus/tokenizers.ts';

/**
 * Ingest, index, memory and BM25 latency at `argv[2]` passages of 60 words (50,000 by default), words drawn by Zipf's law.
 * Run: npx esbuild bench/corpus.ts --bundle --platform=node --format=esm --target=node20 --packages=external --outfile=dist/bench-corpus.mjs && node dist/bench-corpus.mjs
 */
const passages = Number(process.argv[2] ?? 50_000);
const random = new Random(1);
const word = (): string => `w${Math.floor(Math.exp(random.uniform() * Math.log(50_000))).toString(36)}`;
const words = (count: number): string => Array.from({ length: count }, word).join(' ');

const folder = await mkdtemp(join(tmpdir(), 'ssae-bench-'));
try {
  const file = join(folder, 'passages.jsonl');
  await writeFile(file, '');
  for (let written = 0; written < passages; written += 5000)
    await writeFile(file, Array.from({ length: 5000 }, () => `${JSON.stringify({ text: words(60) })}\n`).join(''), {
      flag: 'a',
    });
  await using store = await CorpusStore.open(new Home(join(folder, 'home')));
  let indexingFrom = 0;
  let residentBytes = 0;
  const control = {
    ...unwatched,
    report: ({ stage }: { stage: string }) => {
      residentBytes = Math.max(residentBytes, process.memoryUsage().rss);
      if (stage === 'indexing passages') indexingFrom = performance.now();
    },
  };
  const request = IngestRequest.parse({ corpus: 'bench', sources: [file], unit: 'document' });
  const result = await ingest(request, { store, tokenizer: wordTokenizer, embedder: null }, control);
  const indexSeconds = (performance.now() - indexingFrom) / 1000;
  const corpus = await store.corpus('bench');
  const queries = Array.from({ length: 220 }, () => words(30));
  const times: number[] = [];
  for (const query of queries) {
    const started = performance.now();
    await corpus.bm25(query, 100);
    times.push(performance.now() - started);
  }
  const sorted = times.slice(20).sort((a, b) => a - b);
  console.log(
    JSON.stringify({
      passages: corpus.summary.passages,
      ingestSeconds: result.seconds,
      passagesPerSecond: Math.round(result.passages / result.seconds),
      indexSeconds,
      residentMebibytes: Math.round(residentBytes / 2 ** 20),
      bm25Milliseconds: { p50: sorted[100], p95: sorted[190] },
    }),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
