import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { lengthEmbedder, wordTokenizer } from '../../test/fixtures/corpus/tokenizers.ts';
import { sha256 } from '../foundation/hash.ts';
import { Home } from '../foundation/home.ts';
import { unwatched } from '../foundation/progress.ts';
import { IngestRequest } from '../protocol/requests.ts';
import { CorpusStore } from './corpus-store.ts';
import { matchesFields, type Corpus } from './corpus.ts';
import { ingest } from './ingest.ts';

const TEXTS = [
  'light bends in glass lenses',
  'a whale swims in the sea',
  'lenses bend light; lenses focus light',
  'the law of contracts',
];
const QUOTE = `it's "q" \\ %_; DROP TABLE c`;
let folder = '';
let store: CorpusStore;
let corpus: Corpus;

async function add(name: string, file: string, records: readonly object[]): Promise<void> {
  const path = join(folder, file);
  await writeFile(path, records.map((record) => JSON.stringify(record)).join('\n'));
  const request = IngestRequest.parse({ corpus: name, sources: [path], unit: 'document' });
  await ingest(request, { store, tokenizer: wordTokenizer, embedder: lengthEmbedder }, unwatched);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-corpus-'));
  store = await CorpusStore.open(new Home(join(folder, 'home')));
  const labels = [
    { [QUOTE]: QUOTE },
    { domain: 'zoology' },
    { domain: 'optics|physics' },
    JSON.parse('{"__proto__": "p"}'),
  ];
  await add(
    'c',
    'a.jsonl',
    TEXTS.map((text, at) => ({ text, ...(labels[at] as object) })),
  );
  corpus = await store.corpus('c');
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function textsWhere(where: Record<string, string>): Promise<string[]> {
  const texts: string[] = [];
  for await (const passage of corpus.passages({ where })) texts.push(passage.text);
  return texts;
}

it('a corpus says what is in it', () => {
  expect(corpus.summary).toMatchObject({
    ...{ name: 'c', passages: 4, documents: 4, tokens: 21, tokenizerHash: 'words', embedderHash: 'lengths' },
    contentHash: sha256(...TEXTS.map((text) => sha256(text))),
  });
});

it('passages are filtered by the values of any field, and no value is more than a value', async () => {
  expect(await textsWhere({})).toEqual(TEXTS);
  expect(await textsWhere({ domain: 'physics' })).toEqual([TEXTS[2]]);
  expect(await textsWhere({ domain: 'optics|physics' })).toEqual([TEXTS[2]]);
  expect(await textsWhere({ [QUOTE]: QUOTE })).toEqual([TEXTS[0]]);
  expect(await textsWhere({ domain: "' OR 1=1 --" })).toEqual([]);
  expect(await textsWhere({ constructor: 'x' })).toEqual([]);
});

it('a field named __proto__ is a field', () => {
  const fields = JSON.parse('{"__proto__": "p"}') as Record<string, string>;
  expect(matchesFields(fields, fields)).toBe(true);
  expect(matchesFields({}, fields)).toBe(false);
});

it('passages are found by id in the order asked for', async () => {
  const { ids } = await corpus.index();
  const found = await corpus.byIds([ids[2]!, ids[0]!, ids[2]!]);
  expect(found.map(({ text }) => text)).toEqual([TEXTS[2], TEXTS[0], TEXTS[2]]);
  await expect(corpus.byIds(['0123456789abcdef'])).rejects.toThrow('has no passage 0123456789abcdef');
  await expect(corpus.byIds(["x' OR '1'='1"])).rejects.toThrow('is not a passage');
});

it('a page holds the passages of its place in order, and nothing beyond the end', async () => {
  const texts = async (offset: number, limit: number): Promise<string[]> =>
    (await corpus.page(offset, limit)).map(({ text }) => text);
  expect(await texts(0, 3)).toEqual(TEXTS.slice(0, 3));
  expect(await texts(3, 3)).toEqual(TEXTS.slice(3));
  expect(await texts(4, 3)).toEqual([]);
});

it('BM25 ranks what has more of the rarer words first, by stems', async () => {
  const hits = await corpus.bm25('the lens and light', 10);
  const found = await corpus.byIds(hits.map(({ id }) => id));
  expect(found.map(({ text }) => text)).toEqual([TEXTS[2], TEXTS[0]]);
  expect(hits[0]!.score).toBeGreaterThan(hits[1]!.score);
  expect(await corpus.bm25('the lens and light', 1)).toEqual(hits.slice(0, 1));
});

it.each(['"light', 'text:light AND (', 'light -lenses +whale~2^3', `light'; DROP TABLE c`, '\\light*'])(
  'the query %s is nothing but words',
  async (query) => {
    expect((await corpus.bm25(query, 10)).length).toBeGreaterThan(0);
  },
);

it('a query without words finds nothing', async () => {
  for (const query of ['', ' ', '*', '"', '\\', '☃']) expect(await corpus.bm25(query, 10)).toEqual([]);
});

it('vectors, hashes and token counts stand in the order of the passages', async () => {
  const { ids, matrix, dimensions } = await corpus.vectors();
  expect(ids).toEqual((await corpus.index()).ids);
  expect(dimensions).toBe(8);
  expect(matrix).toEqual(await lengthEmbedder.embed(TEXTS));
  expect(await corpus.contentHashes()).toEqual(TEXTS.map((text) => sha256(text)));
  expect((await corpus.index()).tokens).toEqual(Uint32Array.of(5, 6, 6, 4));
});

it('passages added later stand at the end, are searched too, and are not in a corpus opened before', async () => {
  await add('c', 'later.jsonl', [{ text: 'quasars are bright' }]);
  const later = await store.corpus('c');
  expect((await later.index()).ids.slice(0, 4)).toEqual((await corpus.index()).ids);
  expect(await later.bm25('quasar', 5)).toHaveLength(1);
  expect(await corpus.bm25('quasar', 5)).toHaveLength(0);
  expect([later.summary.passages, corpus.summary.passages]).toEqual([5, 4]);
});

it('a corpus that does not exist is a wrong call that names the nearest, and a removed one does not exist', async () => {
  await add('gone', 'gone.jsonl', [{ text: 'x' }]);
  expect((await store.list()).map(({ name }) => name)).toEqual(['c', 'gone']);
  await store.remove('gone');
  await add('gone.17152db0', 'gone.jsonl', [{ text: 'of an experiment' }]);
  await expect(store.corpus('gone')).rejects.toThrow(
    'corpus is "gone", which does not exist; expected one of: c. Nearest: c',
  );
  await expect(store.remove('gone')).rejects.toThrow('does not exist');
});

it('that cannot be kept in its folder is refused with the folder named', async () => {
  const file = join(folder, 'no-folder');
  await writeFile(file, '');
  await expect(CorpusStore.open(new Home(file))).rejects.toThrow(/corpora cannot be kept in .*no-folder/);
});
