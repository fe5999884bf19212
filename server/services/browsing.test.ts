import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Home } from '../foundation/home.ts';
import { unwatched } from '../foundation/progress.ts';
import { BrowseCorpusRequest } from '../protocol/corpus-pages.ts';
import { IngestRequest, RetrieveRequest } from '../protocol/requests.ts';
import type { Services } from './services.ts';
import { openServices } from './studio.ts';

let [folder, file] = ['', ''];
let services: Services;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-browsing-'));
  services = openServices(new Home(join(folder, 'home')), { threads: 1 });
  file = join(folder, 'a.jsonl');
  const texts = Array.from(
    { length: 12 },
    (_, i) => `${i % 3 === 0 ? 'heat and entropy' : 'a whale at sea'} number${i}`,
  );
  await writeFile(file, texts.map((text, i) => JSON.stringify({ text, n: i })).join('\n'));
  await services.ingest(IngestRequest.parse({ corpus: 'c', sources: [file], unit: 'document' }), unwatched);
  await services.addSeeds({ name: 'heat', seeds: [{ text: 'entropy of heat', from: null }] });
});
afterAll(async () => {
  await services[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const browse = (request: Omit<BrowseCorpusRequest, 'offset' | 'limit' | 'query'> & Partial<BrowseCorpusRequest>) =>
  services.browseCorpus(BrowseCorpusRequest.parse(request));

describe('browsing a corpus', () => {
  it('pages through its passages in order, each with its place', async () => {
    const page = await browse({ corpus: 'c', offset: 4, limit: 2 });
    expect(page).toMatchObject({ corpus: 'c', query: null, offset: 4, total: 12, capped: false });
    expect(page.passages.map(({ text }) => text)).toEqual(['a whale at sea number4', 'a whale at sea number5']);
    expect(page.passages[0]).toMatchObject({ source: file, document: '5', line: 5, start: 0, end: 22, score: null });
    expect((await browse({ corpus: 'c', offset: 12 })).passages).toEqual([]);
  });

  it('pages through what a search finds, by falling score', async () => {
    const pages = [0, 3].map((offset) => browse({ corpus: 'c', query: 'entropy', offset, limit: 3 }));
    const [first, second] = await Promise.all(pages);
    expect([first!.total, first!.capped, first!.passages.length, second!.passages.length]).toEqual([4, false, 3, 1]);
    const found = [...first!.passages, ...second!.passages];
    expect(new Set(found.map(({ id }) => id)).size).toBe(4);
    for (const { text, score } of found) expect([text.includes('entropy'), score! > 0]).toEqual([true, true]);
    expect((await browse({ corpus: 'c', query: 'nowhere' })).total).toBe(0);
  });
});

describe('selections', () => {
  it('keep what was pinned and struck, are listed, shown and removed', async () => {
    const [entropy, whale] = [
      await browse({ corpus: 'c', query: 'entropy' }),
      await browse({ corpus: 'c', query: 'whale' }),
    ];
    const [pinned, struck] = [[whale.passages[0]!.id], [entropy.passages[0]!.id]];
    const request = { seeds: 'heat', corpus: 'c', arm: 'bm25', tokens: 100, pinned, struck, output: 'mine' } as const;
    const parsed = RetrieveRequest.parse({ ...request, pinned: [...pinned], struck: [...struck] });
    const { tokens, passages } = await services.retrieve(parsed, unwatched);
    expect(await services.listSelections()).toEqual([
      { name: 'mine', arm: 'bm25', corpus: 'c', seeds: 'heat', passages, tokens },
    ]);
    const shown = await services.showSelection('mine');
    expect(shown).toMatchObject({ ...{ pinned, struck, budget: 100, seed: 0, tokens, passages } });
    expect(shown.hits[0]).toMatchObject({ id: pinned[0], text: whale.passages[0]!.text, source: file, score: 0 });
    expect(shown.hits.map(({ id }) => id)).not.toContain(struck[0]);
    await services.removeSelection('mine');
    expect(await services.listSelections()).toEqual([]);
    await expect(services.showSelection('mine')).rejects.toThrow('does not exist');
  });

  it('are made from corpora that say whether they are whole', async () => {
    expect(await services.listCorpora()).toMatchObject([{ name: 'c', partial: false }]);
  });
});
