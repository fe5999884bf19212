import { mkdtemp, rm, writeFile, copyFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shippedFile } from '../foundation/package-root.ts';
import { SafetensorsFile, writeSafetensors } from '../foundation/safetensors.ts';
import { openSentenceEncoder, type SentenceEncoder } from './sentence-encoder.ts';

const builtIn = shippedFile('server', 'embedded', 'models', 'ssae-encoder');
const golden = shippedFile('test', 'fixtures', 'builtin-encoder');

let encoder: SentenceEncoder;
let folder: string;
beforeAll(async () => {
  encoder = await openSentenceEncoder(builtIn);
  folder = await mkdtemp(join(tmpdir(), 'ssae-encoder-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the built-in sentence encoder', () => {
  const { texts, ids } = JSON.parse(readFileSync(join(golden, 'golden.json'), 'utf8')) as {
    texts: string[];
    ids: number[][];
  };

  it('gives the ids and vectors of its model card', async () => {
    await using file = await SafetensorsFile.open(join(golden, 'golden.safetensors'));
    const expected = await file.float32('vectors');
    const vectors = await encoder.embed(texts);
    expect(texts.map((text) => [...encoder.tokenIds(text)])).toEqual(ids);
    expect(vectors.length).toBe(expected.length);
    expect(Math.max(...vectors.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-6);
  });

  it('gives unit vectors, and the zero vector for a text without tokens', async () => {
    const vectors = await encoder.embed(['rare concept', ' \u200b\u0000']);
    const norm = (row: number): number => Math.hypot(...vectors.subarray(row * 256, (row + 1) * 256));
    expect(norm(0)).toBeCloseTo(1, 6);
    expect(norm(1)).toBe(0);
  });

  it("gives the ids of Hugging Face's tokenizer for any text", () => {
    const file = JSON.parse(readFileSync(join(builtIn, 'tokenizer.json'), 'utf8')) as object;
    const reference = new Tokenizer(file, {});
    const oddities = [
      ...['\u0000', '\ufffd', '\ufeff', '\u200b', '\u000b', '\f', '\r\n', '\t', '\u00a0', '\u3000', '\u0085', '\ud800'],
      ...[
        '\u0301',
        'é',
        'İ',
        'ΟΔΟΣ',
        'Σ',
        'ß',
        '中',
        '文字',
        'の',
        '🚀',
        '👩‍🔬',
        '[MASK]',
        '[UNK]',
        '[CLS',
        '!',
        '...',
        '²',
        '１２',
      ],
      ...[
        'the ',
        'Galaxy',
        'magnetohydrodynamic',
        'a'.repeat(101),
        ' ',
        '؛',
        'ﬁ',
        '\u2028',
        '\u00ad',
        'constructor',
        '__proto__',
      ],
    ];
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc
        .array(fc.oneof(fc.constantFrom(...oddities), fc.string({ maxLength: 6 })), { maxLength: 30 })
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (sample) => {
        expect([...encoder.tokenIds(sample)]).toEqual(reference.encode(sample, { add_special_tokens: false }).ids);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a folder that is no sentence encoder', () => {
  const withTensors = async (
    embeddings: { dtype: 'I8' | 'F32'; shape: number[] },
    scale: { shape: number[]; value?: number },
  ): Promise<string> => {
    const size = (shape: number[]): number => shape.reduce((product, n) => product * n, 1);
    await writeSafetensors(join(folder, 'model.safetensors'), {
      embeddings: {
        ...embeddings,
        data:
          embeddings.dtype === 'I8' ? new Int8Array(size(embeddings.shape)) : new Float32Array(size(embeddings.shape)),
      },
      scale: { dtype: 'F32', shape: scale.shape, data: new Float32Array(size(scale.shape)).fill(scale.value ?? 1) },
    });
    await copyFile(join(builtIn, 'tokenizer.json'), join(folder, 'tokenizer.json'));
    return folder;
  };

  it.each([
    ['"embeddings" is F32 [30522, 2]', { dtype: 'F32', shape: [30522, 2] }, { shape: [30522] }],
    ['"embeddings" is I8 [4]', { dtype: 'I8', shape: [4] }, { shape: [4] }],
    ['"scale" is F32 [3]', { dtype: 'I8', shape: [4, 2] }, { shape: [3] }],
    ['"scale"[0] is NaN', { dtype: 'I8', shape: [4, 2] }, { shape: [4], value: NaN }],
    [
      'token id 30521, but "embeddings" in model.safetensors has 4 rows',
      { dtype: 'I8', shape: [4, 2] },
      { shape: [4] },
    ],
  ] as const)('is refused: %s', async (message, embeddings, scale) => {
    const path = await withTensors(
      { dtype: embeddings.dtype, shape: [...embeddings.shape] },
      { ...scale, shape: [...scale.shape] },
    );
    await expect(openSentenceEncoder(path)).rejects.toThrow(message);
  });

  it('is refused when its tokenizer is missing or not JSON', async () => {
    const path = await withTensors({ dtype: 'I8', shape: [4, 2] }, { shape: [4] });
    await writeFile(join(path, 'tokenizer.json'), '{');
    await expect(openSentenceEncoder(path)).rejects.toThrow('tokenizer.json is not a tokenizer');
    await rm(join(path, 'tokenizer.json'));
    await expect(openSentenceEncoder(path)).rejects.toThrow('could not read the tokenizer');
  });
});
