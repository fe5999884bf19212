/** Draws icon.svg and icon.png from one description: a sheet of tokens, one of which fires. Run by hand: node media/make-icon.mjs */
import { Buffer } from 'node:buffer';
import { writeFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';

const SIZE = 128;
const BACKGROUND = [20, 33, 61];
/** Rows of tokens: left edge and width in pixels, share of full activation. */
const ROWS = [
  [
    [20, 30, 0.1],
    [56, 18, 0.15],
    [80, 28, 0.1],
  ],
  [
    [20, 22, 0.15],
    [48, 38, 0.45],
    [92, 16, 0.1],
  ],
  [
    [20, 16, 0.1],
    [42, 46, 1],
    [94, 14, 0.25],
  ],
  [
    [20, 34, 0.25],
    [60, 24, 0.15],
    [90, 18, 0.1],
  ],
];
const TOKEN_HEIGHT = 14;
const rowTop = (row) => 23 + row * 23;
const color = (share) => [120 + 135 * share, 132 + 10 * share, 160 - 125 * share].map((v) => Math.round(v));
const opacity = (share) => 0.35 + 0.65 * share;

const tokens = ROWS.flatMap((row, index) => row.map(([x, width, share]) => ({ x, y: rowTop(index), width, share })));
const rectangles = tokens.map(
  ({ x, y, width, share }) =>
    `  <rect x="${x}" y="${y}" width="${width}" height="${TOKEN_HEIGHT}" fill="rgb(${color(share)})" fill-opacity="${opacity(share).toFixed(3)}"/>`,
);
const folder = new URL('.', import.meta.url);
writeFileSync(
  new URL('icon.svg', folder),
  `<svg xmlns="http://www.w3.org/2000/svg" width="${SIZE}" height="${SIZE}" viewBox="0 0 ${SIZE} ${SIZE}">
  <rect width="${SIZE}" height="${SIZE}" fill="rgb(${BACKGROUND})"/>
${rectangles.join('\n')}
</svg>
`,
);

const pixels = Buffer.alloc(SIZE * (1 + SIZE * 3));
for (let y = 0; y < SIZE; y++)
  for (let x = 0; x < SIZE; x++) {
    const token = tokens.find((t) => x >= t.x && x < t.x + t.width && y >= t.y && y < t.y + TOKEN_HEIGHT);
    const paint = token === undefined ? BACKGROUND : color(token.share);
    const cover = token === undefined ? 1 : opacity(token.share);
    const mixed = paint.map((v, channel) => Math.round(v * cover + BACKGROUND[channel] * (1 - cover)));
    pixels.set(mixed, y * (1 + SIZE * 3) + 1 + x * 3);
  }

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const bytes = Buffer.alloc(body.length + 8);
  bytes.writeUInt32BE(data.length, 0);
  body.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(body), body.length + 4);
  return bytes;
}

const header = Buffer.alloc(13);
header.writeUInt32BE(SIZE, 0);
header.writeUInt32BE(SIZE, 4);
header.set([8, 2, 0, 0, 0], 8);
writeFileSync(
  new URL('icon.png', folder),
  Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(pixels, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]),
);
