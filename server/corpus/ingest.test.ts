import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { byteTokenizer, lengthEmbedder, wordTokenizer } from '../../test/fixtures/corpus/tokenizers.ts';
import { Interrupted, UsageError, WorkError } from '../foundation/errors.ts';
import { Home } from '../foundation/home.ts';
import { type Progress, unwatched } from '../foundation/progress.ts';
import { IngestRequest } from '../protocol/requests.ts';
import type { IngestResult } from '../protocol/results.ts';
import { CorpusStore } from './corpus-store.ts';
import { ingest } from './ingest.ts';
import type { Passage } from './passage.ts';

let folder = '';
let store: CorpusStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-ingest-'));
  store = await CorpusStore.open(new Home(join(folder, 'home')));
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, 'data', name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

function add(sources: string[], options: Partial<IngestRequest> = {}): Promise<IngestResult> {
  const request = IngestRequest.parse({ corpus: 'c', sources, unit: 'document', ...options });
  return ingest(request, { store, tokenizer: wordTokenizer, embedder: null }, unwatched);
}

async function passages(name = 'c'): Promise<Passage[]> {
  const all: Passage[] = [];
  for await (const passage of (await store.corpus(name)).passages()) all.push(passage);
  return all;
}

const texts = async (): Promise<string[]> => (await passages()).map(({ text }) => text);
const jsonl = (...values: unknown[]): string => values.map((value) => JSON.stringify(value)).join('\n') + '\n';

describe('ingest', () => {
  it('reads JSON lines with labels, and adds nothing the second time', async () => {
    const path = await write(
      'a.jsonl',
      jsonl({ id: 7, text: 'one two', label: 'x' }, { id: 8, text: 'three', tags: ['p', 'q'] }),
    );
    const first = await add([path], { idField: 'id' });
    expect(first).toMatchObject({ documents: 2, passages: 2, tokens: 3, duplicates: 0, skippedTotal: 0 });
    const [one, two] = await passages();
    expect(one).toMatchObject({ text: 'one two', fields: { id: '7', label: 'x' } });
    expect(one!.provenance).toEqual({ source: path, document: '7', start: 0, end: 7, line: 1 });
    expect(two!.fields).toEqual({ id: '8', tags: 'p|q' });
    expect(await add([path], { idField: 'id' })).toMatchObject({ documents: 0, passages: 0, tokens: 0, duplicates: 2 });
    await write('a.jsonl', jsonl({ id: 7, text: 'one two' }, { id: 9, text: 'new' }));
    expect(await add([path], { idField: 'id' })).toMatchObject({ documents: 1, passages: 1, duplicates: 1 });
    expect((await store.corpus('c')).summary).toMatchObject({ passages: 3, tokens: 4, documents: 3, sources: [path] });
  });

  it('keeps the places of paragraphs in an editor, front matter, byte order mark and line ends notwithstanding', async () => {
    const content = '---\r\ntitle: x\r\n---\r\n# Head\r\n\r\nfirst 👩‍👩‍👧 line\r\nsecond\r\n\r\nlast';
    const path = await write('a.md', `\ufeff${content}`);
    await add([path], { unit: 'paragraph' });
    const found = await passages();
    expect(found.map(({ text }) => text)).toEqual(['# Head', 'first 👩‍👩‍👧 line\r\nsecond', 'last']);
    expect(found.map(({ provenance }) => content.slice(provenance.start, provenance.end))).toEqual(await texts());
    expect(found.map(({ provenance }) => provenance.line)).toEqual([4, 6, 9]);
  });

  it('cuts windows that cover a file, whatever is in it', async () => {
    const content = Array.from({ length: 3000 }, (_, line) => `line ${line} é 𝒙👍 ${'ab '.repeat(line % 9)}\r\n`).join(
      '',
    );
    const path = await write('a.txt', content);
    const request = IngestRequest.parse({ corpus: 'c', sources: [path], windowTokens: 16 });
    await ingest(request, { store, tokenizer: wordTokenizer, embedder: lengthEmbedder }, unwatched);
    const found = await passages();
    expect(found.map(({ text }) => text).join('')).toBe(content);
    expect(found.every(({ text, provenance: { start, end } }) => content.slice(start, end) === text)).toBe(true);
    expect(found.every(({ provenance: { start, line } }) => content.slice(0, start).split('\n').length === line)).toBe(
      true,
    );
    expect((await store.corpus('c')).summary.documents).toBe(1);
  });

  it('reads comma- and tab-separated values, quotes and line breaks included', async () => {
    const csv = await write(
      'a.csv',
      '\ufeffid,text,label\r\n1,"one, ""two""\nthree",x\r\n2,only\r\n3,four,y\r\n\r\n4,five,z\r\n',
    );
    const tsv = await write('b.tsv.gz', gzipSync('text\tlabel\nsix "seven"\tx\n'));
    const result = await add([csv, tsv]);
    expect(result.skipped).toEqual([{ source: csv, line: 4, reason: '2 columns; the header has 3: id, text, label' }]);
    const found = await passages();
    expect(found.map(({ text }) => text)).toEqual(['one, "two"\nthree', 'four', 'five', 'six "seven"']);
    expect(found.map(({ provenance }) => provenance.line)).toEqual([2, 5, 7, 2]);
    expect(found[0]!.fields).toEqual({ id: '1', label: 'x' });
  });

  it('takes folders and patterns, and names what it cannot read', async () => {
    const one = await write('in/one.txt', 'one');
    const two = await write('in/deep/two.md.gz', gzipSync('two'));
    const other = await write('in/three.docx', 'three');
    const plain = await write('in/plain.gz', gzipSync('plain'));
    const result = await add([join(folder, 'data', 'in')]);
    expect((await passages()).map(({ provenance }) => provenance.source).sort()).toEqual([one, plain, two].sort());
    expect(result.skipped).toMatchObject([{ source: other, line: null }]);
    expect(result.skipped[0]!.reason).toMatch(/unknown kind of file; expected one of: \.txt/);
    expect(await add([`${folder.replaceAll('\\', '/')}/data/**/*.txt`], { corpus: 'd' })).toMatchObject({
      passages: 1,
    });
  });

  it('drops passages that repeat a stored one wholly or in half of their 13-grams', async () => {
    const words = (prefix: string, count: number): string =>
      Array.from({ length: count }, (_, at) => `${prefix}${at}`).join(' ');
    const path = await write(
      'a.jsonl',
      jsonl(
        { text: words('a', 40) },
        { text: words('a', 40) },
        { text: `${words('a', 30)} ${words('b', 10)}` },
        { text: `${words('a', 20)} ${words('c', 40)}` },
        { text: 'Short text!' },
        { text: 'short TEXT' },
      ),
    );
    expect(await add([path])).toMatchObject({ passages: 3, duplicates: 3 });
  });

  it('says how much of a sample corpus it has read', async () => {
    const request = IngestRequest.parse({ corpus: 'c', sources: ['builtin:moby-dick'], unit: 'paragraph' });
    const reported: Progress[] = [];
    const control = { ...unwatched, report: (progress: Progress) => void reported.push(progress) };
    await ingest(request, { store, tokenizer: wordTokenizer, embedder: null }, control);
    const reading = reported.filter(({ stage }) => stage === 'reading sources');
    expect(reading.length).toBeGreaterThan(1);
    expect(new Set(reading.map(({ total }) => total)).size).toBe(1);
    expect(reading.at(-1)!.done).toBeGreaterThan(reading.at(-1)!.total! / 2);
  });

  it('stops when asked to', async () => {
    const path = await write('a.jsonl', jsonl({ text: 'x' }));
    const request = IngestRequest.parse({ corpus: 'c', sources: [path] });
    const control = { signal: AbortSignal.abort(), report: () => undefined };
    await expect(ingest(request, { store, tokenizer: wordTokenizer, embedder: null }, control)).rejects.toThrow(
      Interrupted,
    );
  });
});

describe('bad input', () => {
  it('in JSON lines is skipped by line, and the good lines are kept', async () => {
    const path = await write(
      'a.jsonl',
      Buffer.concat([
        Buffer.from('{"text": "good"}\n{"text": \n'),
        Buffer.from([0x7b, 0xff, 0xfe, 0x0a]),
        Buffer.from('{"title": "t", "body": "b"}\n[1]\n{"text": 5}\n{"text": " "}\n\n{"text": "last \\ud800"}'),
      ]),
    );
    const result = await add([path]);
    expect(await texts()).toEqual(['good', 'last \ufffd']);
    expect(result.skippedTotal).toBe(6);
    expect(result.skipped.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7]);
    expect(result.skipped[0]!.reason).toMatch(/not valid JSON/);
    expect(result.skipped.slice(1).map(({ reason }) => reason)).toEqual([
      'not valid UTF-8',
      'no field "text"; it has: title, body',
      'not a JSON object',
      'field "text" is 5, not a text',
      'field "text" is empty',
    ]);
    expect(await add([path])).toMatchObject({ passages: 0, skippedTotal: 6, skipped: result.skipped });
  });

  it('is named 20 times and counted to the end', async () => {
    const path = await write('a.jsonl', `${'{\n'.repeat(50)}{"text": "good"}`);
    const result = await add([path]);
    expect([result.skipped.length, result.skippedTotal, result.passages]).toEqual([20, 50, 1]);
  });

  it('in a text file is left out by line, and places after it stay an editor’s', async () => {
    const path = await write(
      'a.txt',
      Buffer.concat([Buffer.from('one\n'), Buffer.from([0x61, 0xff, 0x0a]), Buffer.from('two\n')]),
    );
    const result = await add([path], { unit: 'paragraph' });
    expect(result.skipped).toEqual([{ source: path, line: 2, reason: 'not valid UTF-8' }]);
    expect((await passages()).map(({ text, provenance }) => [text, provenance.start, provenance.line])).toEqual([
      ['one', 0, 1],
      ['two', 7, 3],
    ]);
  });

  it('that is binary is refused by name', async () => {
    const [binary, good] = [await write('a.txt', Buffer.from([0x50, 0x4b, 0, 3])), await write('b.txt', 'good')];
    const result = await add([binary, good]);
    expect(result.skipped).toMatchObject([{ source: binary, line: null }]);
    expect(result.skipped[0]!.reason).toMatch(/binary file/);
    expect(await texts()).toEqual(['good']);
  });

  it('that is a gzip file cut short gives its whole lines', async () => {
    const records = Array.from({ length: 5000 }, (_, at) => JSON.stringify({ text: `text ${at} ${Math.sin(at)}` }));
    const whole = gzipSync(records.join('\n'));
    const path = await write('a.jsonl.gz', whole.subarray(0, whole.length - 3000));
    const result = await add([path]);
    expect(result.skipped).toMatchObject([
      { line: null, reason: 'the gzip stream is cut short; the lines before that were kept' },
    ]);
    expect(result.passages).toBeGreaterThan(4000);
    expect(await texts()).toEqual(
      records.slice(0, result.passages).map((line) => (JSON.parse(line) as { text: string }).text),
    );
  });

  it('without the text column names the columns', async () => {
    const path = await write('a.csv', 'id,body\n1,x\n');
    await expect(add([path])).rejects.toThrow(`${path}:1: no column "text"; the columns are: id, body`);
  });

  it('larger than a record may be is skipped with the reason', async () => {
    const path = await write('a.jsonl', `{"text": "${'x'.repeat(17 << 20)}"}\n{"text": "good"}\n`);
    expect((await add([path])).skipped).toEqual([{ source: path, line: 1, reason: 'longer than 16 MiB' }]);
    expect(await texts()).toEqual(['good']);
  });

  it('that leaves a corpus empty is an error, and makes none', async () => {
    await expect(add([await write('a.txt', ' \n')])).rejects.toThrow(WorkError);
    expect(await store.list()).toEqual([]);
  });

  it('that does not exist is a wrong call', async () => {
    await expect(add([join(folder, 'nowhere.txt')])).rejects.toThrow(UsageError);
    await expect(add(['builtin:wordnut'])).rejects.toThrow(/Nearest: builtin:wordnet/);
    await expect(add([await write('a.txt', 'x')], { corpus: '../x' })).rejects.toThrow(/cannot be a name/);
  });

  it('from another tokenizer or sentence encoder is refused', async () => {
    const path = await write('a.txt', 'x');
    await add([path]);
    const request = IngestRequest.parse({ corpus: 'c', sources: [path] });
    const other = ingest(request, { store, tokenizer: byteTokenizer, embedder: null }, unwatched);
    await expect(other).rejects.toThrow(/another tokenizer/);
    const vectors = ingest(request, { store, tokenizer: wordTokenizer, embedder: lengthEmbedder }, unwatched);
    await expect(vectors).rejects.toThrow(/another sentence encoder/);
  });
});
