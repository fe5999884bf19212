import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { gunzip, lines, type ByteStream } from './byte-stream.ts';
import { readDelimited } from './read-delimited.ts';
import { readText } from './read-text.ts';
import type { SourceItem } from './record.ts';

async function* chunked(bytes: Buffer, length: number): ByteStream {
  for (let start = 0; start < bytes.length; start += length)
    yield Promise.resolve(bytes.subarray(start, start + length));
  return Promise.resolve(null);
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

const records = (items: SourceItem[]) => items.filter((item) => item.kind === 'record');
const chunkLength = fc.integer({ min: 1, max: 9 });
const text = fc
  .array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('\r\n', '\n', '\n\n', '👍🏽', 'é')))
  .map((parts) => parts.join('').replaceAll('\0', ''));

it('lines are the bytes between line feeds, however the bytes come', async () => {
  await fc.assert(
    fc.asyncProperty(text, chunkLength, async (content, length) => {
      const read = (await all(lines(chunked(Buffer.from(content), length), 1000))).flat();
      expect(read.map(({ bytes }) => bytes!.toString()).join('')).toBe(content);
      expect(read.map(({ number }) => number)).toEqual(read.map((_, at) => at + 1));
      expect(read.length).toBe(content.split('\n').length - (content === '' || content.endsWith('\n') ? 1 : 0));
    }),
  );
});

it('a line beyond the limit is passed over, and the next has its number', async () => {
  const content = Buffer.from(`a\n${'x'.repeat(50)}\nb\n${'y'.repeat(50)}`);
  for (const length of [1, 7, 1000]) {
    const read = (await all(lines(chunked(content, length), 10))).flat();
    expect(read.map(({ number, bytes }) => [number, bytes?.toString() ?? null])).toEqual([
      [1, 'a\n'],
      [2, null],
      [3, 'b\n'],
      [4, null],
    ]);
  }
});

it('a text file is one document whose pieces are where they say they are', async () => {
  await fc.assert(
    fc.asyncProperty(text, chunkLength, fc.boolean(), async (content, length, marked) => {
      const bytes = Buffer.from((marked ? '\ufeff' : '') + content);
      const format = { document: 'd', markdown: false, whole: false };
      const found = records(await all(readText(chunked(bytes, length), format)));
      const clean = marked || !content.startsWith('\ufeff') ? content : content.slice(1);
      expect(found.map((piece) => piece.text).join('')).toBe(clean.trim() === '' ? '' : clean);
    }),
  );
  const long = 'A line of the book.\n\n'.repeat(20_000);
  const format = { document: 'd', markdown: false, whole: false };
  const pieces = records(await all(readText(chunked(Buffer.from(long), 1 << 16), format)));
  expect(pieces.length).toBeGreaterThan(3);
  expect(pieces.every((piece) => long.startsWith(piece.text, piece.offset))).toBe(true);
  expect(pieces.every((piece) => long.slice(0, piece.offset).split('\n').length === piece.line)).toBe(true);
  expect(records(await all(readText(chunked(Buffer.from(long), 1 << 16), { ...format, whole: true })))).toHaveLength(1);
});

it('front matter ends at its own closing line only', async () => {
  const read = async (content: string): Promise<string[]> => {
    const format = { document: 'd', markdown: true, whole: false };
    return records(await all(readText(chunked(Buffer.from(content), 5), format))).map((piece) => piece.text);
  };
  expect(await read('---\na: 1\n---\nbody')).toEqual(['body']);
  expect(await read('+++\na = 1\n+++\nbody')).toEqual(['body']);
  expect(await read('---\n---\nbody')).toEqual(['body']);
  expect(await read('---\nnever closed\n')).toEqual(['---\nnever closed\n']);
  expect(await read('text\n---\nmore\n---\n')).toEqual(['text\n---\nmore\n---\n']);
});

it('gzip gives all bytes back, and of a stream cut anywhere a true beginning and the reason', async () => {
  const content = Buffer.from(Array.from({ length: 3000 }, (_, at) => `${at} ${Math.sin(at)}\n`).join(''));
  const packed = gzipSync(content);
  const read = async (bytes: Buffer): Promise<[Buffer, string | null]> => {
    const stream = gunzip(chunked(bytes, 1 << 12));
    const parts: Buffer[] = [];
    for (;;) {
      const next = await stream.next();
      if (next.done === true) return [Buffer.concat(parts), next.value];
      parts.push(next.value);
    }
  };
  expect(await read(packed)).toEqual([content, null]);
  for (const share of [0.1, 0.5, 0.9, 0.999]) {
    const [found, reason] = await read(packed.subarray(0, Math.floor(packed.length * share)));
    expect(reason).toBe('the gzip stream is cut short');
    expect(found.length).toBeGreaterThan(content.length * (share - 0.35));
    expect(content.subarray(0, found.length).equals(found)).toBe(true);
  }
  const damaged = Buffer.from(packed);
  damaged.fill(0xff, packed.length / 2, packed.length / 2 + 64);
  expect((await read(damaged))[1]).toMatch(/damaged/);
});

it('rows of a table come back as they were written, with the line they begin on', async () => {
  const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ' ', 'é', '👍') });
  await fc.assert(
    fc.asyncProperty(fc.array(cell, { minLength: 1, maxLength: 8 }), chunkLength, async (cells, length) => {
      const texts = cells.map((value) => `x${value}`);
      const quoted = texts.map((value) => `"${value.replaceAll('"', '""')}"`);
      const content = Buffer.from(`text\n${quoted.join('\n')}\n`);
      const found = records(await all(readDelimited(chunked(content, length), ',', { text: 'text', id: null })));
      expect(found.map((row) => row.text)).toEqual(texts);
      const begins = texts.map((_, at) => quoted.slice(0, at).join('\n').split('\n').length + (at === 0 ? 1 : 2));
      expect(found.map((row) => row.line)).toEqual(begins);
    }),
  );
});

it('a quote that is not closed is told with the line it may begin on', async () => {
  const content = Buffer.from('text\ngood\n"never closed\nmore\n');
  const items = await all(readDelimited(chunked(content, 1000), ',', { text: 'text', id: null }));
  expect(items).toMatchObject([{ text: 'good' }, { kind: 'skipped', line: 3 }]);
});

it('a row beyond the limit ends the table, and every row before it is kept', async () => {
  const rows = Array.from({ length: 100 }, (_, at) => `row ${at}`);
  const content = Buffer.from(`text\n${rows.join('\n')}\n"${'never closed\n'.repeat(1_500_000)}`);
  const items = await all(readDelimited(chunked(content, 1 << 16), ',', { text: 'text', id: null }));
  expect(records(items).map((row) => row.text)).toEqual(rows);
  expect(items.filter((item) => item.kind === 'skipped')).toMatchObject([{ line: 102 }]);
});
