import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CorpusStore } from '../corpus/corpus-store.ts';
import { ingest } from '../corpus/ingest.ts';
import type { EngineDictionary, SparseFeatures } from '../compute/engine.ts';
import { UsageError } from '../foundation/errors.ts';
import { Home } from '../foundation/home.ts';
import { unwatched, type JobControl } from '../foundation/progress.ts';
import { shippedFile } from '../foundation/package-root.ts';
import {
  letterEmbedder,
  memoryCorpus,
  passageOf,
  seedSetOf,
  wordTokenizer,
} from '../../test/fixtures/retrieve/memory-corpus.ts';
import { retrieve, type RetrievalParts, type RetrievalSettings } from './retrieve.ts';
import { ARMS, type SeedSet } from './selection.ts';
import { openSentenceEncoder } from './sentence-encoder.ts';
import type { TracInParts } from './tracin-scorer.ts';

/** A residual stream of 2 dimensions: (share of the word's letters that are vowels, 1); BOS in front of every sequence. */
const vowels: TracInParts = (() => {
  const shape = {
    ...{ dIn: 2, dOut: 2, dSae: 2, applyDecoderBiasToInput: false, unitNormDecoder: false, skip: false },
    architecture: { kind: 'topk', k: 1, rescaledByDecoderNorm: false },
  } as const;
  const parameters = {
    ...{ encoder: Float32Array.of(1, 0, 0, 1), encoderBias: new Float32Array(2) },
    ...{ decoder: Float32Array.of(0.5, 0, 0, 0.5), decoderBias: new Float32Array(2) },
  };
  /** Ids carry the figure: 1000 + vowels in a thousand. */
  const encode = (text: string) => {
    const words = text
      .split(' ')
      .map((word) => 1000 + Math.round((1000 * (word.match(/[aeiou]/g) ?? []).length) / word.length));
    const [ids, special] = [Int32Array.of(1, ...words), Uint8Array.of(1, ...words.map(() => 0))];
    return { ids, special, starts: new Uint32Array(ids.length), ends: new Uint32Array(ids.length) };
  };
  const engine: Pick<EngineDictionary, 'encode'> = {
    encode(rows) {
      const tokens = rows.length / 2;
      const features = Uint32Array.from({ length: tokens }, (_, i) => (rows[2 * i]! > 0.5 ? 0 : 1));
      const values = Float32Array.from(features, (feature, i) => rows[2 * i + feature]!);
      return Promise.resolve<SparseFeatures>({
        offsets: Uint32Array.from({ length: tokens + 1 }, (_, i) => i),
        features,
        values,
      });
    },
  };
  return {
    hookPoint: 'blocks.0.hook_resid_post',
    dictionary: { shape, parameters },
    engine,
    model: {
      description: {
        ...{
          name: 'vowels',
          contentHash: 'vowels',
          architecture: 'none',
          layers: 1,
          dModel: 2,
          vocabulary: 3000,
          contextLength: 4,
        },
        ...{ hookPoints: [], files: [], licence: null, source: 'test' },
      },
      encode,
      activations(_, sequences) {
        for (const sequence of sequences) expect([sequence[0], sequence.length <= 4]).toEqual([1, true]);
        return Promise.resolve(
          sequences.map((ids) =>
            Float32Array.from([...ids].flatMap((id) => (id === 1 ? [1e6, 1e6] : [(id - 1000) / 1000, 1]))),
          ),
        );
      },
    },
  };
})();

function partsOf(texts: readonly string[], seeds: SeedSet): RetrievalParts {
  const corpus = memoryCorpus(texts.map((text, i) => passageOf(text, `${i}`)));
  return { corpus, seeds, tokenizer: wordTokenizer, embedder: letterEmbedder, tracin: vowels };
}

const settings: RetrievalSettings = { arm: 'bm25', tokens: 10, candidates: 4, seed: 0, pinned: [], struck: [] };
const stars = ['stars burn hydrogen', 'stars collapse', 'cats purr softly', 'a cat and a dog', 'old stars burn helium'];

describe('retrieval', () => {
  it.each(ARMS)('keeps to the budget, repeats nothing, and gives the same selection again: %s', async (arm) => {
    const word = fc.constantFrom('star', 'moon', 'gas', 'dust', 'orbit', 'cat');
    const text = fc.array(word, { minLength: 2, maxLength: 15 }).map((words) => words.join(' '));
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 30 }),
        fc.array(text, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 60 }),
        async (texts, seedTexts, tokens) => {
          const parts = partsOf(texts, seedSetOf(...seedTexts));
          const [first, second] = [
            await retrieve({ ...settings, arm, tokens }, parts, unwatched),
            await retrieve({ ...settings, arm, tokens }, parts, unwatched),
          ];
          expect({ ...first, seconds: 0 }).toEqual({ ...second, seconds: 0 });
          expect(first.tokens).toBeLessThanOrEqual(tokens);
          expect(first.tokens).toBe(first.hits.reduce((sum, { passage }) => sum + passage.tokens, 0));
          const chosen = first.hits.map(({ passage }) => passage.text);
          expect(new Set(chosen).size).toBe(chosen.length);
          if (arm !== 'seeds') expect(chosen.filter((one) => seedTexts.includes(one))).toEqual([]);
          expect(first.hits.map(({ rank }) => rank)).toEqual(chosen.map((_, i) => i + 1));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('puts passages that share words with the seeds first under bm25, and says when there are no more', async () => {
    const selection = await retrieve({ ...settings, tokens: 100 }, partsOf(stars, seedSetOf('stars burn')), unwatched);
    expect(selection.hits.map(({ passage }) => passage.text).sort()).toEqual([stars[0], stars[1], stars[4]].sort());
    expect(selection.hits.at(-1)!.passage.text).toBe('stars collapse');
    expect(selection.note).toBe(
      'took 9 of 100 tokens: passages of memory that share a word with the seeds hold no more that fits',
    );
  });

  it('takes the whole corpus when it is smaller than the budget', async () => {
    const selection = await retrieve(
      { ...settings, arm: 'random', tokens: 1000 },
      partsOf(stars, seedSetOf('two words')),
      unwatched,
    );
    expect(selection.hits.length).toBe(stars.length);
    expect(selection.note).toContain('took 17 of 1000 tokens');
  });

  it('drops and counts what repeats a seed, by hash or by 13 words in a row', async () => {
    const long = 'one two three four five six seven eight nine ten eleven twelve thirteen';
    const parts = partsOf([long, `${long} fourteen`, `zero ${long}`, 'one two three'], seedSetOf(long));
    const selection = await retrieve({ ...settings, tokens: 100 }, parts, unwatched);
    expect(selection.hits.map(({ passage }) => passage.text)).toEqual(['one two three']);
    expect(selection.overlapDropped).toBe(3);
  });

  it('draws other passages for another random seed', async () => {
    const parts = partsOf(
      Array.from({ length: 200 }, (_, i) => `passage number ${i}`),
      seedSetOf('two words'),
    );
    const drawn = async (seed: number): Promise<string[]> =>
      (await retrieve({ ...settings, arm: 'random', tokens: 30, seed }, parts, unwatched)).hits.map(
        ({ passage }) => passage.id,
      );
    expect(await drawn(1)).toEqual(await drawn(1));
    expect(await drawn(1)).not.toEqual(await drawn(2));
  });

  it('takes the seeds themselves, once each, with the place they come from', async () => {
    const seeds: SeedSet = {
      name: 'mine',
      seeds: ['first seed', 'first seed', 'second longer seed'].map((text, i) => ({
        text,
        contentHash: text,
        from: { file: '/notes.md', start: 10 * i, end: 10 * i + 10 },
      })),
    };
    const selection = await retrieve({ ...settings, arm: 'seeds' }, partsOf([], seeds), unwatched);
    expect(
      selection.hits.map(({ passage }) => [passage.text, passage.provenance.source, passage.provenance.start]),
    ).toEqual([
      ['first seed', '/notes.md', 0],
      ['second longer seed', '/notes.md', 20],
    ]);
  });

  it('reranks by gradients: text whose tokens use the same features and errors as the seeds comes first', async () => {
    const texts = ['brr tsk hmm shh grr', 'aye oui eau aioli ouija', 'pst zzz mmm', 'audio aria iota'];
    const parts = partsOf(texts, seedSetOf('euoi aia oue aeo'));
    const selection = await retrieve({ ...settings, arm: 'dense+tracin', tokens: 100 }, parts, unwatched);
    expect(
      selection.hits
        .map(({ passage }) => passage.text)
        .slice(0, 2)
        .sort(),
    ).toEqual([texts[3], texts[1]]);
  });

  it.each(ARMS)('takes pinned passages first, in their order, and struck ones never: %s', async (arm) => {
    const parts = partsOf([...stars, 'audio aria iota'], seedSetOf('stars burn', 'cat dog bird'));
    const request = { ...settings, arm, tokens: 20 };
    const free = (await retrieve(request, parts, unwatched)).hits.map(({ passage }) => passage);
    const [dog, purr] = [passageOf(stars[3]!, '3'), passageOf(stars[2]!, '2')];
    const strike = free.find(({ id }) => id !== dog.id && id !== purr.id)!;
    const decided = { ...request, pinned: [dog.id, purr.id, dog.id], struck: [strike.id] };
    const { hits, tokens } = await retrieve(decided, parts, unwatched);
    expect(hits.slice(0, 2).map(({ rank, passage }) => [rank, passage.text])).toEqual([
      [1, dog.text],
      [2, purr.text],
    ]);
    const ids = hits.map(({ passage }) => passage.id);
    expect(ids).not.toContain(strike.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(tokens).toBe(hits.reduce((sum, { passage }) => sum + passage.tokens, 0));
    expect(tokens).toBeLessThanOrEqual(20);
    expect((await retrieve(decided, parts, unwatched)).hits).toEqual(hits);
  });

  it('fills the budget again after a strike, and scores pinned passages by the arm', async () => {
    const parts = partsOf(stars, seedSetOf('stars burn'));
    const request = { ...settings, tokens: 6 };
    const free = await retrieve(request, parts, unwatched);
    const struck = await retrieve({ ...request, struck: [free.hits[0]!.passage.id] }, parts, unwatched);
    expect(struck.tokens).toBeGreaterThanOrEqual(free.tokens - 1);
    const last = await retrieve({ ...settings, pinned: [passageOf(stars[4]!, '4').id] }, parts, unwatched);
    expect(last.hits[0]).toMatchObject({ rank: 1, score: 2 });
  });

  it.each([
    ['pinned and struck', { pinned: [passageOf(stars[0]!, '0').id], struck: [passageOf(stars[0]!, '0').id] }],
    ['corpus memory has no passage 0123456789abcdef', { pinned: ['0123456789abcdef'] }],
    ['more than the budget of 10', { pinned: stars.map((text, i) => passageOf(text, `${i}`).id) }],
  ])('refuses decisions that cannot be kept: %s', async (message, decisions) => {
    const asked = retrieve({ ...settings, ...decisions }, partsOf(stars, seedSetOf('stars burn')), unwatched);
    await expect(asked).rejects.toThrow(UsageError);
    await expect(asked).rejects.toThrow(message);
  });

  it.each([
    ['seed set seeds is empty', settings, seedSetOf(), vowels],
    ['seed 2 of seed set seeds has 1 token ("one")', settings, seedSetOf('two words', 'one'), vowels],
    ['seed 1 of seed set seeds has 0 tokens', settings, seedSetOf('  '), vowels],
    ['arm bm25+tracin needs a dictionary', { ...settings, arm: 'bm25+tracin' as const }, seedSetOf('two words'), null],
  ])('refuses: %s', async (message, request, seeds, tracin) => {
    await expect(retrieve(request, { ...partsOf(stars, seeds), tracin }, unwatched)).rejects.toThrow(message);
  });

  it('refuses vectors of another sentence encoder', async () => {
    const parts = { ...partsOf(stars, seedSetOf('two words')), embedder: { ...letterEmbedder, contentHash: 'other' } };
    await expect(retrieve({ ...settings, arm: 'dense' }, parts, unwatched)).rejects.toThrow('another sentence encoder');
  });

  it('stops when asked to', async () => {
    const control: JobControl = { ...unwatched, signal: AbortSignal.abort() };
    await expect(retrieve(settings, partsOf(stars, seedSetOf('stars burn')), control)).rejects.toThrow('interrupted');
  });
});

describe('retrieval from a stored corpus', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ssae-retrieve-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("finds the passages about the whale's bones, by words and by meaning", async () => {
    await using store = await CorpusStore.open(new Home(folder));
    const embedder = await openSentenceEncoder(shippedFile('server', 'embedded', 'models', 'ssae-encoder'));
    const request = {
      corpus: 'moby',
      sources: ['builtin:moby-dick'],
      textField: 'text',
      idField: null,
      unit: 'window' as const,
      windowTokens: 100,
    };
    await ingest(request, { store, tokenizer: wordTokenizer, embedder }, unwatched);
    const seeds = seedSetOf(
      'The skeleton of the whale: its ribs, vertebrae and skull, measured in feet.',
      'the whale’s spine and the bones of its tail',
    );
    const parts = { corpus: await store.corpus('moby'), seeds, tokenizer: wordTokenizer, embedder, tracin: null };
    for (const arm of ['bm25', 'dense'] as const) {
      const { hits, tokens } = await retrieve({ ...settings, arm, tokens: 1000 }, parts, unwatched);
      const about = hits.filter(({ passage }) => /skeleton|ribs|spine|bones|vertebra|skull/.test(passage.text));
      expect([arm, about.length >= 0.7 * hits.length, tokens > 900, tokens <= 1000]).toEqual([arm, true, true, true]);
    }
  });
});
