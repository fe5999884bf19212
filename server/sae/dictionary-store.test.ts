import { mkdtemp, rm, writeFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError, WorkError } from '../foundation/errors.ts';
import { Home } from '../foundation/home.ts';
import { DictionaryStore, loadDictionary, saveDictionary } from './dictionary-store.ts';
import type { SaeLensDictionary } from './saelens.ts';

const made: SaeLensDictionary = {
  shape: {
    ...{ dIn: 2, dOut: 2, dSae: 3, applyDecoderBiasToInput: true, unitNormDecoder: true, skip: false },
    architecture: { kind: 'topk', k: 1, rescaledByDecoderNorm: false },
  },
  parameters: {
    encoder: Float32Array.from([1, 2, 3, 4, 5, 6]),
    encoderBias: Float32Array.from([0.5, 0, 0]),
    decoder: Float32Array.from([1, 0, 0, 1, 0, -1]),
    decoderBias: Float32Array.from([0.25, -1]),
  },
  origin: { model: 'builtin', modelHash: 'm', hookPoint: 'blocks.0.hook_resid_post', contextLength: 64 },
};
const manifest = { config: { k: 1 }, inputs: { activations: 'abc' }, seed: 7, metrics: { l0: 1 } };

let folder: string;
let store: DictionaryStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-store-'));
  store = new DictionaryStore(new Home(folder));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('the dictionary store', () => {
  it('finds by name and by path what was saved, with the same content hash', async () => {
    const saved = await saveDictionary(store.outputFolder('mine'), made, manifest);
    expect(saved).toMatchObject({ name: 'mine', ...made });
    expect(await store.load('mine')).toEqual(saved);
    expect(await store.load(join(folder, 'dictionaries', 'mine'))).toEqual(saved);
    expect(await store.list()).toContainEqual(
      expect.objectContaining({
        name: 'mine',
        architecture: 'topk',
        k: 1,
        dIn: 2,
        dSae: 3,
        contentHash: saved.contentHash,
      }),
    );
    const written = JSON.parse(await readFile(join(folder, 'dictionaries', 'mine', 'manifest.json'), 'utf8')) as object;
    expect(written).toMatchObject({ kind: 'dictionary', contentHash: saved.contentHash, ...manifest });
  });

  it('gives the content hash of the values, whichever way they are stored', async () => {
    const full = await saveDictionary(join(folder, 'a'), made, manifest);
    const half = await saveDictionary(join(folder, 'b'), made, manifest, { storage: 'float16' });
    expect(half.contentHash).toBe(full.contentHash);
    const other = { ...made, parameters: { ...made.parameters, encoderBias: new Float32Array(3) } };
    expect((await saveDictionary(join(folder, 'c'), other, manifest)).contentHash).not.toBe(full.contentHash);
  });

  it('gives dictionaries from before there were transcoders the content hash they had', async () => {
    const folder = await store.resolve('builtin-gsae');
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as { contentHash: string };
    expect((await store.load('builtin-gsae')).contentHash).toBe(manifest.contentHash);
  });

  it('names the nearest dictionary when there is none of that name', async () => {
    await saveDictionary(store.outputFolder('physics'), made, manifest);
    await expect(store.load('physic')).rejects.toThrow(UsageError);
    await expect(store.load('physic')).rejects.toThrow(/Nearest: physics/);
    await expect(store.load(folder)).rejects.toThrow(/holds no dictionary/);
  });

  it('removes a stored dictionary, never a path or the built-in one', async () => {
    await saveDictionary(store.outputFolder('gone'), made, manifest);
    await saveDictionary(join(folder, 'outside'), made, manifest);
    await store.remove('gone');
    await expect(store.load('gone')).rejects.toThrow(UsageError);
    await expect(store.remove('../outside')).rejects.toThrow(UsageError);
    await expect(store.remove('builtin-gsae')).rejects.toThrow(/ships with the product/);
    await loadDictionary(join(folder, 'outside'));
  });

  it.each(['', '..', '.hidden', 'a b', 'builtin-gsae'])('does not write to the name "%s"', (name) => {
    expect(() => store.outputFolder(name)).toThrow(UsageError);
  });

  it('does not replace a folder that holds something else', async () => {
    const other = join(folder, 'photos');
    await mkdir(other);
    await writeFile(join(other, 'cat.jpg'), 'x');
    await expect(saveDictionary(other, made, manifest)).rejects.toThrow(/holds no dictionary \(cat.jpg\)/);
  });
});

describe('labels', () => {
  it('are kept beside the weights and come back with the dictionary', async () => {
    const place = store.outputFolder('named');
    await saveDictionary(place, made, manifest);
    await store.label('named', 2, 'past tense');
    await store.label('named', 0, 'numbers');
    await store.label('named', 0, null);
    expect([...(await loadDictionary(place)).labels]).toEqual([[2, 'past tense']]);
    expect([...(await store.load('named')).labels]).toEqual([[2, 'past tense']]);
    await expect(store.label('named', 3, 'x')).rejects.toThrow(/feature is 3; expected 0 to 2/);
  });

  it('that are written at the same time are all kept', async () => {
    await saveDictionary(store.outputFolder('busy'), made, manifest);
    const other = new DictionaryStore(new Home(folder));
    await Promise.all([store.label('busy', 0, 'a'), other.label('busy', 1, 'b'), store.label('busy', 2, 'c')]);
    expect([...(await other.load('busy')).labels.values()]).toEqual(['a', 'b', 'c']);
  });

  it('of the dictionary that ships with the product are kept in the home folder, by whichever name', async () => {
    const shipped = await store.resolve('builtin-gsae');
    const before = await readdir(shipped);
    await store.label('builtin-gsae', 7, 'quarks');
    await store.label(shipped, 8, 'leptons');
    expect([...(await store.load('builtin-gsae')).labels]).toEqual([
      [7, 'quarks'],
      [8, 'leptons'],
    ]);
    expect(await readdir(shipped)).toEqual(before);
    expect(await readdir(join(folder, 'labels'))).toEqual(['builtin-gsae.json']);
  });

  it.each(['{"x": "y"}', '{"3": "x"}', '{"0": 5}', '[]'])('that are damaged are refused: %s', async (text) => {
    const place = store.outputFolder('damaged');
    await saveDictionary(place, made, manifest);
    await writeFile(join(place, 'labels.json'), text);
    await expect(loadDictionary(place)).rejects.toThrow(WorkError);
  });
});
