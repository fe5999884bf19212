import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Home } from '../foundation/home.ts';
import { packageRoot } from '../foundation/package-root.ts';
import { CorpusStore } from './corpus-store.ts';

const child = join(packageRoot, 'dist', 'test-corpus', 'ingest-child.js');
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-resume-'));
  await build({
    entryPoints: [join(packageRoot, 'test', 'fixtures', 'corpus', 'ingest-child.ts')],
    ...{
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      target: 'node20',
      outfile: child,
      logLevel: 'error',
    },
  });
  const record = (at: number): string => {
    // Every seventh record repeats most of an older one, so that dropping depends on what was stored before.
    const of = at % 7 === 6 ? Math.floor(at / 2) : at;
    const words = Array.from({ length: 24 }, (_, word) => `w${of}x${word}`);
    return JSON.stringify({ text: [...words, `end${at}`].join(' '), label: `l${at % 5}` });
  };
  const file = (first: number, count: number): string =>
    Array.from({ length: count }, (_, at) => record(first + at)).join('\n');
  await writeFile(join(folder, 'a.jsonl'), file(0, 2600));
  await writeFile(join(folder, 'b.jsonl'), file(2600, 1400));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the ingest in a process of its own; kills it so long after it said `batch` for the nth time. */
async function run(home: string, kill: { readonly batch: number; readonly afterMs: number } | null): Promise<string> {
  const worker = spawn(process.execPath, [child, home, join(folder, 'a.jsonl'), join(folder, 'b.jsonl')]);
  let [said, errors] = ['', ''];
  worker.stdout.on('data', (text: Buffer) => {
    said += text.toString();
    if (kill !== null && said.split('batch').length - 1 === kill.batch)
      void setTimeout(kill.afterMs).then(() => worker.kill('SIGKILL'));
  });
  worker.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  await new Promise((resolve) => worker.once('close', resolve));
  if (errors !== '') throw new Error(errors);
  return said;
}

async function contentOf(home: string): Promise<unknown> {
  await using store = await CorpusStore.open(new Home(home));
  const corpus = await store.corpus('killed');
  const { ids, tokens } = await corpus.index();
  const { matrix } = await corpus.vectors();
  const { passages, documents, contentHash } = corpus.summary;
  const hits = await corpus.bm25('w1234x5 w4321x9 end77', 10);
  return { ids, tokens, matrix, passages, documents, contentHash, hits };
}

/** What the list of corpora says of it; a corpus that is not there yet cannot be taken for a whole one. */
async function isPartial(home: string): Promise<boolean> {
  await using store = await CorpusStore.open(new Home(home));
  return (await store.list()).every(({ partial }) => partial);
}

it('of two processes that add to one corpus at once, one is told so and the other is not disturbed', async () => {
  const home = join(folder, 'twice');
  const ended = await Promise.allSettled([run(home, null), run(home, null)]);
  expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const refused = ended.find((end) => end.status === 'rejected')!;
  expect(String(refused.reason)).toMatch(/corpus killed is being added to by process \d+/);
  expect(await run(home, null)).toBe('done\n');
  const { ids } = (await contentOf(home)) as { ids: string[] };
  expect(new Set(ids).size).toBe(ids.length);
});

it('a corpus whose ingest was killed at any moment ends up as if it had not been', async () => {
  const [whole, killed] = [join(folder, 'whole'), join(folder, 'killed')];
  expect(await run(whole, null)).toContain('done');
  const kills = [
    { batch: 1, afterMs: 0 },
    { batch: 1, afterMs: 15 },
    { batch: 2, afterMs: 5 },
    { batch: 1, afterMs: 60 },
  ];
  for (const kill of kills) {
    expect(await run(killed, kill)).not.toContain('done');
    expect(await isPartial(killed)).toBe(true);
  }
  expect(await run(killed, null)).toContain('done');
  expect(await isPartial(killed)).toBe(false);
  const expected = await contentOf(whole);
  expect(await contentOf(killed)).toEqual(expected);
  expect(await run(killed, null)).toBe('done\n');
  expect(await contentOf(killed)).toEqual(expected);
});
