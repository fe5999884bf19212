import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { PassThrough } from 'node:stream';
import { bytes, count, duration, figure } from './figures.ts';
import { ProgressBar } from './progress-bar.ts';
import { table } from './table.ts';
import { oneLine, terminalOf, truncate, wrap, type OutputStream, type Terminal } from './terminal.ts';

const plain = (columns: number): Terminal => terminalOf(tty(columns), { variables: {}, color: false });

function tty(columns: number): OutputStream & PassThrough {
  return Object.assign(new PassThrough(), { isTTY: true, columns });
}

const anyText = fc.string({ unit: fc.constantFrom('a', 'ü', '漢', '🙂', '👩‍👩‍👧', 'e\u0301', ' ', '-'), maxLength: 60 });

describe('text at the terminal’s width', () => {
  it('is 80 columns where nothing else is known', () => {
    expect(terminalOf(new PassThrough(), { variables: {}, color: true }).width).toBe(80);
    expect(terminalOf(new PassThrough(), { variables: { COLUMNS: '120' }, color: true }).width).toBe(120);
    expect(terminalOf(new PassThrough(), { variables: { COLUMNS: 'wide' }, color: true }).width).toBe(80);
  });

  it('is never wider when truncated', () => {
    fc.assert(
      fc.property(
        anyText,
        fc.integer({ min: 1, max: 40 }),
        (text, columns) => stringWidth(truncate(text, columns)) <= columns,
      ),
    );
  });

  it('is never wider when wrapped, and loses nothing but spaces', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 40 }), (text, columns) => {
        const lines = wrap(text, columns);
        expect(lines.every((line) => stringWidth(line) <= columns)).toBe(true);
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
      }),
    );
  });

  it('cannot drive the terminal', () => {
    expect(oneLine('a\u001B[31mb\r\n\tc\u009B0m')).toBe('a [31mb c 0m');
  });
});

describe('a table', () => {
  const columns = [
    { title: 'name', kind: 'name' },
    { title: 'n', kind: 'number' },
    { title: 'text', kind: 'snippet' },
  ] as const;

  it('aligns wide characters and emoji', () => {
    const lines = table(plain(80), columns, [
      ['漢字', '1', 'x'],
      ['🙂', '1 234', 'y'],
      ['abcdef', '20', 'z'],
    ]).split('\n');
    const starts = lines.map((line) => stringWidth(line.slice(0, line.search(/(text|[xyz])$/))));
    expect(new Set(starts).size).toBe(1);
  });

  it('keeps names whole and shortens snippets to fit', () => {
    const drawn = table(plain(40), columns, [['a-name-that-is-long', '1', 'words '.repeat(20).trim()]]);
    expect(drawn).toContain('a-name-that-is-long');
    expect(drawn.split('\n').every((line) => stringWidth(line) <= 40)).toBe(true);
    expect(drawn).toMatch(/…$/);
  });
});

describe('progress', () => {
  const report = (bar: ProgressBar, done: number): void => {
    bar.report({ stage: 'training', done, total: 1000, unit: 'steps', note: 'loss 0.5' });
  };
  const written = (stream: PassThrough): string => (stream.read() as Buffer | null)?.toString('utf8') ?? '';

  it('is drawn again at most ten times a second on a terminal, with rate and estimate', () => {
    const stream = tty(100);
    let now = 0;
    const bar = new ProgressBar(stream, plain(100), () => now);
    for (let step = 0; step <= 400; step++, now += 10) report(bar, step);
    const drawings = written(stream).split('\r\u001B[2K').slice(1);
    expect(drawings.length).toBeGreaterThan(35);
    expect(drawings.length).toBeLessThanOrEqual(42);
    expect(drawings.at(-1)).toMatch(/^training █+░+ 40 % of 1 000 steps · 100 steps\/s · 6\.0 s left · loss 0\.5$/);
  });

  it('is a line every five seconds elsewhere', () => {
    const stream = new PassThrough();
    let now = 0;
    const bar = new ProgressBar(stream, terminalOf(stream, { variables: {}, color: true }), () => now);
    for (let step = 0; step <= 160; step++, now += 100) report(bar, step);
    const lines = written(stream).trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^training · 5 % of 1 000 steps · 10 steps\/s · 1 min 35 s left · loss 0\.5$/);
  });

  it('tells a notice in a line of its own at once, and once', () => {
    const stream = new PassThrough();
    const bar = new ProgressBar(stream, terminalOf(stream, { variables: {}, color: true }), () => 0);
    for (const notice of ['engine: cpu', 'engine: cpu', 'engine: wasm'])
      bar.report({ stage: 'training', done: 0, total: 1000, unit: 'steps', notice });
    expect(written(stream)).toBe('engine: cpu\nengine: wasm\n');
  });
});

it('figures are read by people', () => {
  expect([count(1234567), figure(0.123456), figure(12345.678), figure(1e-7), figure(3), figure(null)]).toEqual([
    ...['1 234 567', '0.1235', '12 346', '1.000e-7', '3', '–'],
  ]);
  expect([bytes(0), bytes(999), bytes(1500), bytes(2.5e9)]).toEqual(['0 B', '999 B', '1.5 kB', '2.5 GB']);
  expect([duration(1.25), duration(59.9), duration(61), duration(7300)]).toEqual([
    '1.3 s',
    '60 s',
    '1 min 1 s',
    '2 h 1 min',
  ]);
});
