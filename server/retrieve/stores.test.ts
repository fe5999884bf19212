import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { passageOf } from '../../test/fixtures/retrieve/memory-corpus.ts';
import { SeedStore, seedSetHash } from './seed-store.ts';
import type { Selection } from './selection.ts';
import { SelectionStore, type SelectionOrigin } from './selection-store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-stores-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('seed sets', () => {
  const from = { file: '/notes.md', start: 3, end: 9 };

  it('are kept, added to without repeating a text, listed and removed', async () => {
    const store = new SeedStore(join(folder, 'seeds'));
    expect(await store.names()).toEqual([]);
    await store.add('rare', [{ text: 'one "seed"\n', from }]);
    const set = await store.add('rare', [
      { text: 'another', from: null },
      { text: 'one "seed"\n', from: null },
    ]);
    expect(set.seeds.map((seed) => [seed.text, seed.from])).toEqual([
      ['one "seed"\n', from],
      ['another', null],
    ]);
    expect(await store.show('rare')).toEqual(set);
    expect(seedSetHash(await store.show('rare'))).toBe(seedSetHash(set));
    expect(await store.names()).toEqual(['rare']);
    await expect(store.show('rar')).rejects.toThrow('Nearest: rare');
    await store.add('rar.17152db0', [{ text: 'of an experiment', from: null }]);
    await expect(store.show('rar')).rejects.toThrow('expected one of: rare. Nearest: rare');
    await store.remove('rar.17152db0');
    await store.remove('rare');
    await expect(store.remove('rare')).rejects.toThrow('there are none yet');
  });

  it('are read from a file that a stranger wrote, errors with their line', async () => {
    const store = new SeedStore(join(folder, 'seeds'));
    const path = join(folder, 'given.jsonl');
    await writeFile(path, '\ufeff{"text": "first", "more": 1}\r\n\n{"text": "second"}');
    expect((await store.show(path)).seeds.map(({ text }) => text)).toEqual(['first', 'second']);
    expect((await store.show(path)).name).toBe('given');
    for (const [line, message] of [
      ['{"text": 3}', 'line 4: "text"'],
      ['{"text"', 'line 4: not valid JSON'],
      ['[]', 'line 4: the record'],
      [Buffer.of(0xff, 0xfe), 'line 4: not valid UTF-8'],
    ] as const) {
      await writeFile(path, '{"text": "first"}\n\n{"text": "second"}\n');
      await appendFile(path, line);
      await expect(store.show(path)).rejects.toThrow(message);
    }
    await writeFile(join(folder, 'seeds.txt'), 'x');
    await expect(store.show(join(folder, 'seeds.txt'))).rejects.toThrow('must end in .jsonl');
  });

  it.each([
    ['cannot be a name', '../up', [{ text: 'seed', from: null }]],
    [
      'seed 2 for seed set rare is empty',
      'rare',
      [
        { text: 'seed', from: null },
        { text: ' \n', from: null },
      ],
    ],
    ['has 100001 characters', 'rare', [{ text: 'x'.repeat(100_001), from: null }]],
    ['has more than 10000 seeds', 'rare', Array.from({ length: 10_001 }, (_, i) => ({ text: `${i}`, from: null }))],
  ])('are refused: %s', async (message, name, seeds) => {
    await expect(new SeedStore(join(folder, 'seeds')).add(name, seeds)).rejects.toThrow(message);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('selections', () => {
  const hits = ['a first passage', 'a "second"\npassage'].map((text, i) => ({
    rank: i + 1,
    score: 1 / (i + 3),
    passage: passageOf(text),
  }));
  const selection: Selection = {
    ...{ arm: 'bm25', corpus: 'c', seedSet: 's', hits, tokens: 6 },
    ...{ overlapDropped: 1, note: 'all', seconds: 0.5 },
  };
  const origin: SelectionOrigin = {
    config: {
      ...{ arm: 'bm25', corpus: 'c', seeds: 's', tokens: 10, candidates: 4 },
      ...{ seed: 0, dictionary: null, pinned: ['0123456789abcdef'], struck: [] },
    },
    inputs: { corpus: 'c0', seeds: 's0', embedder: null, dictionary: null },
  };

  it('come back as they were stored, by name and by path, and the same again give the same bytes', async () => {
    const store = new SelectionStore(join(folder, 'selections'));
    const path = await store.save('mine', selection, origin);
    const { seconds, ...kept } = selection;
    expect(await store.load('mine')).toMatchObject({ ...kept, ...origin, path });
    const elsewhere = await store.save(join(folder, 'out'), { ...selection, seconds: seconds + 1 }, origin);
    expect((await store.load(elsewhere)).contentHash).toBe((await store.load('mine')).contentHash);
    for (const name of await readdir(path))
      expect(await readFile(join(elsewhere, name))).toEqual(await readFile(join(path, name)));
    expect(await store.names()).toEqual(['mine']);
    await store.remove('mine');
    await expect(store.load('mine')).rejects.toThrow('selection is "mine", which does not exist');
  });

  it('made before passages could be pinned and struck still load', async () => {
    const store = new SelectionStore(join(folder, 'selections'));
    const manifest = join(await store.save('old', selection, origin), 'manifest.json');
    const written = JSON.parse(await readFile(manifest, 'utf8')) as { config: Record<string, unknown> };
    delete written.config['pinned'];
    delete written.config['struck'];
    await writeFile(manifest, JSON.stringify(written));
    expect((await store.load('old')).config).toEqual({ ...origin.config, pinned: [], struck: [] });
    expect(await store.summary('old')).toEqual({
      ...{ name: 'old', arm: 'bm25', corpus: 'c', seeds: 's', passages: 2, tokens: 6 },
    });
  });

  it('are refused when they were changed or are none', async () => {
    const store = new SelectionStore(join(folder, 'selections'));
    const path = await store.save('mine', selection, origin);
    await appendFile(join(path, 'passages.jsonl'), '{}\n');
    await expect(store.load('mine')).rejects.toThrow('passages.jsonl was changed');
    await writeFile(join(path, 'manifest.json'), '{"kind": "dictionary"}');
    await expect(store.load('mine')).rejects.toThrow('is not a selection');
    await rm(join(path, 'manifest.json'));
    await expect(store.load('mine')).rejects.toThrow('could not read');
  });
});
