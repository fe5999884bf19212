import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from './cli-surroundings.ts';

const folder = mkdtempSync(join(tmpdir(), 'ssae-cli-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const inspected = (text: string) => ({
  model: 'builtin',
  hookPoint: 'blocks.2.hook_resid_post',
  dictionary: 'd',
  text_sha256: 'abc',
  tokens: [
    {
      index: 0,
      text,
      start: 0,
      end: text.length,
      loss: null,
      reconstructionError: 0.5,
      features: [{ feature: 7, activation: 1.5, label: 'heat' }],
    },
  ],
  seconds: 0.01,
});

describe('a text is read exactly as it is', () => {
  it('with its byte order mark, line ends and characters beyond the basic plane', async () => {
    const text = '\uFEFFone\r\ntwo 🙂 e\u0301\r\n';
    const { calls, output } = await run(['inspect', file('bom.txt', text), '--dictionary', 'd', '--json'], {
      answers: { inspect: inspected(text) },
    });
    expect(calls[0]!.request).toMatchObject({ text });
    expect(JSON.parse(output)).toEqual(inspected(text));
  });

  it('from stdin', async () => {
    const { calls } = await run(['inspect', '-', '--dictionary', 'd'], {
      input: 'héat',
      answers: { inspect: inspected('héat') },
    });
    expect(calls[0]!.request).toMatchObject({ text: 'héat', features: [], top: 5 });
  });

  it.each<[string, number[], RegExp]>([
    ['a byte that begins nothing', [0x61, 0x0a, 0xff, 0x62], /at byte 2 \(0xFF, line 2\)/],
    ['a sequence that breaks off', [0x61, 0xe2, 0x82, 0x62], /at byte 1 \(0xE2, line 1\)/],
    ['a sequence that the end cuts', [0x61, 0x62, 0xf0, 0x9f], /at byte 2 \(0xF0, line 1\)/],
    ['an encoded surrogate', [0x61, 0xed, 0xa0, 0x80], /at byte 1 \(0xED, line 1\)/],
    ['binary content', [0x61, 0x00], /is binary: byte 1 is 0/],
  ])('and refused for %s', async (_, bytes, message) => {
    const { status, errors } = await run(['inspect', '-', '--dictionary', 'd'], { input: Uint8Array.from(bytes) });
    expect(errors).toMatch(message);
    expect(status).toBe(1);
  });
});

describe('seeds', () => {
  const added = { answers: { addSeeds: { name: 'n', seeds: [] } } };
  const textsOf = (request: unknown) => (request as { seeds: { text: string }[] }).seeds.map(({ text }) => text);

  it('come from ranges of lines, one seed a range, with their place in the file', async () => {
    const path = file('lines.txt', 'one\r\n  two\r\nthree\r\n');
    const { calls } = await run(['seeds', 'add', 'n', `${path}:2-3`, `${path}:1-1`], added);
    expect(calls[0]!.request).toEqual({
      name: 'n',
      seeds: [
        { text: 'two\r\nthree', from: { file: path, start: 7, end: 17 } },
        { text: 'one', from: { file: path, start: 0, end: 3 } },
      ],
    });
  });

  it('come from stdin, one a paragraph', async () => {
    const { calls } = await run(['seeds', 'add', 'n'], { ...added, input: '\n a\nb\n\n \nc\n' });
    expect(textsOf(calls[0]!.request)).toEqual(['a\nb', 'c']);
  });

  it('come one a line where that is asked for', async () => {
    const { calls } = await run(['seeds', 'add', 'n', '-', '--split', 'line'], { ...added, input: 'a\n\nb\nc' });
    expect(textsOf(calls[0]!.request)).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['a range beyond the file', 'lines.txt:2-9', /no range of lines.*≤ 3/],
    ['a range that runs backwards', 'lines.txt:3-2', /no range of lines/],
    ['line 0', 'lines.txt:0-2', /no range of lines/],
    ['a range of blank lines', 'blank.txt:2-3', /holds no text/],
    ['a file without text', 'empty.txt', /holds no text/],
  ])('are refused for %s', async (_, place, message) => {
    file('lines.txt', 'one\ntwo\nthree\n');
    file('blank.txt', 'a\n \n\nb\n');
    file('empty.txt', ' \n');
    const { status, errors, calls } = await run(['seeds', 'add', 'n', join(folder, place)]);
    expect(errors).toMatch(message);
    expect(status).toBe(2);
    expect(calls).toEqual([]);
  });
});
