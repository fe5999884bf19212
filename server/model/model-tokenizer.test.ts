import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Encoding } from '../foundation/encoding.ts';
import { packageRoot, shippedFile } from '../foundation/package-root.ts';
import { ModelTokenizer } from './model-tokenizer.ts';

interface TokenizerCase {
  readonly text: string;
  readonly input_ids: readonly number[];
}

const own = shippedFile('test', 'fixtures', 'models');
const shared = join(packageRoot, '..', 'shared', 'fixtures', 'models');
const folders = [own, ...(existsSync(shared) ? [shared] : [])].flatMap((root) =>
  readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'minilm')
    .map(({ name }) => ({ name, folder: join(root, name) })),
);
const builtin = shippedFile('server', 'embedded', 'models', 'ssae-lm');

/** Tokens in order, without gaps or overlaps, from the text's begin to its end; special ones without width. */
function expectCover({ ids, starts, ends, special }: Encoding, text: string): void {
  let place = 0;
  for (let i = 0; i < ids.length; i++) {
    if (special[i] === 1) expect([starts[i], ends[i]]).toEqual([0, 0]);
    expect(starts[i]).toBe(place);
    expect(ends[i]).toBeGreaterThanOrEqual(place);
    place = ends[i]!;
  }
  if (special.includes(0)) expect(place).toBe(text.length);
}

const slices = ({ starts, ends }: Encoding, text: string): string[] =>
  [...starts].map((start, i) => text.slice(start, ends[i]));

const pieces = fc.constantFrom(
  ...[
    'a',
    ' the',
    'é',
    'e\u0301',
    '🚀',
    '👩‍👩‍👧',
    '\r\n',
    '\n',
    '\t',
    '  ',
    '東京',
    'ﬁ',
    '\u212b',
    '한',
    '\u1112\u1161',
    '\u00a0',
  ],
  ...['\u0323\u0307', "'s", '9.8', '<|endoftext|>', '\u200d', '\ufe0f', '▁', 'ſ', 'İ', '½', '…'],
);
const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(pieces, { maxLength: 20 }).map((parts) => parts.join('')),
);

describe.each(folders)('the tokenizer of $name', ({ folder }) => {
  it("gives Hugging Face's ids", async () => {
    const tokenizer = await ModelTokenizer.open(folder);
    const { tokenizer_cases: cases } = JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8')) as {
      tokenizer_cases: TokenizerCase[];
    };
    for (const { text, input_ids: ids } of cases) {
      const encoding = tokenizer.encode(text);
      expect([...encoding.ids], text).toEqual(ids);
      expectCover(encoding, text);
    }
  });
});

describe('places of the built-in tokenizer', () => {
  let tokenizer: ModelTokenizer;
  beforeAll(async () => {
    tokenizer = await ModelTokenizer.open(builtin);
  });

  it('cover any text in order', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const encoding = tokenizer.encode(text);
        expectCover(encoding, text);
        expect(slices(encoding, text).join('')).toBe(text);
      }),
      { numRuns: 400 },
    );
  });

  it('are of the ids that the library gives for the whole text', async () => {
    const library = new Tokenizer(
      JSON.parse(await readFile(join(builtin, 'tokenizer.json'), 'utf8')) as object,
      JSON.parse(await readFile(join(builtin, 'tokenizer_config.json'), 'utf8')) as object,
    );
    fc.assert(
      fc.property(anyText, (text) => {
        expect([...tokenizer.encode(text).ids].slice(1)).toEqual(
          library.encode(text, { add_special_tokens: false }).ids,
        );
      }),
      { numRuns: 400 },
    );
  });

  it('show each token its own text where the text is not changed by normalising', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
        fc.pre(text.normalize('NFC') === text && !text.includes('<|'));
        const encoding = tokenizer.encode(text);
        slices(encoding, text).forEach((slice, i) => {
          const decoded = tokenizer.decode([encoding.ids[i]!]);
          if (encoding.special[i] === 0 && !decoded.includes('\ufffd')) expect(slice).toBe(decoded);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('give a character to the first of the tokens that share it', () => {
    const text = 'x🦕';
    const encoding = tokenizer.encode(text);
    const owners = slices(encoding, text).filter((slice) => slice !== '');
    expect(owners.at(-1)).toBe('🦕');
    expect(encoding.ids.length).toBeGreaterThan(3);
  });

  it('keep CRLF, emoji sequences and marks that normalising joins', () => {
    const text = 'cafe\u0301\r\n👩‍👩‍👧 9.8 m/s²';
    const encoding = tokenizer.encode(text);
    expectCover(encoding, text);
    expect(slices(encoding, text).some((slice) => slice.endsWith('e\u0301'))).toBe(true);
    expect([...encoding.ids]).toEqual([...tokenizer.encode(text.normalize('NFC')).ids]);
  });

  it('are the same in a long text as in its lines', () => {
    const line = 'The galaxy — cafe\u0301 — shows a 🚀 halo.\n';
    const text = line.repeat(800);
    const [whole, one] = [tokenizer.encode(text), tokenizer.encode(line)];
    expectCover(whole, text);
    const width = one.ids.length - 1;
    expect(whole.ids.length).toBe(1 + 800 * width);
    expect([...whole.ids.subarray(1 + 799 * width)]).toEqual([...one.ids.subarray(1)]);
  });

  it('stand for lone surrogates, and nothing for an empty text', () => {
    const text = 'a\ud800b\udc00';
    const encoding = tokenizer.encode(text);
    expectCover(encoding, text);
    expect(slices(encoding, text).join('')).toBe(text);
    expect([...tokenizer.encode('').ids]).toEqual([0]);
  });

  it('take an added token in the text as one', () => {
    const text = 'a<|endoftext|>b';
    const encoding = tokenizer.encode(text);
    expect([...encoding.ids][2]).toBe(0);
    expect(slices(encoding, text)).toEqual(['', 'a', '<|endoftext|>', 'b']);
  });
});

/** Llama's: spaces written as ▁, one in front, and bytes for what the vocabulary lacks. */
const sentencePiece = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({
    ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  })),
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'Prepend', prepend: '▁' },
      { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    ],
  },
  pre_tokenizer: null,
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
  },
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  },
  model: {
    type: 'BPE',
    ...{ dropout: null, unk_token: '<unk>', continuing_subword_prefix: null, end_of_word_suffix: null },
    ...{ fuse_unk: true, byte_fallback: true, ignore_merges: false },
    vocab: Object.fromEntries(
      [
        ...['<unk>', '<s>', '</s>'],
        ...Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
        ...['▁', 't', 'h', 'e', 'c', 'a', 'f', 'é', '▁t', '▁th', '▁the', 'ca', 'fé', '▁ca'],
      ].map((token, id) => [token, id]),
    ),
    merges: ['▁ t', '▁t h', '▁th e', 'c a', 'f é', '▁ ca'],
  },
};

describe('places of a sentence-piece tokenizer with bytes to fall back to', () => {
  let folder: string;
  let tokenizer: ModelTokenizer;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ssae-tokenizer-'));
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(sentencePiece));
    tokenizer = await ModelTokenizer.open(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('leave out the space that was put in front', () => {
    const encoding = tokenizer.encode('the café');
    expect(slices(encoding, 'the café')).toEqual(['', 'the', ' ca', 'fé']);
    expect([...encoding.special]).toEqual([1, 0, 0, 0]);
  });

  it('give a character to the first of its bytes', () => {
    expect(slices(tokenizer.encode('the 🚀h'), 'the 🚀h')).toEqual(['', 'the', ' ', '🚀', '', '', '', 'h']);
  });

  it('cover any text in order', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const encoding = tokenizer.encode(text);
        expectCover(encoding, text);
        expect(slices(encoding, text).join('')).toBe(text);
      }),
      { numRuns: 300 },
    );
  });
});

describe('opening a tokenizer', () => {
  it('names the file that is missing or damaged', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ssae-tokenizer-'));
    try {
      await expect(ModelTokenizer.open(folder)).rejects.toThrow(/tokenizer\.json/);
      const text = await readFile(join(builtin, 'tokenizer.json'), 'utf8');
      await writeFile(join(folder, 'tokenizer.json'), text.slice(0, 1000));
      await expect(ModelTokenizer.open(folder)).rejects.toThrow(/tokenizer\.json could not be opened/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
