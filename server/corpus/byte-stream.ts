import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { messageOf, WorkError } from '../foundation/errors.ts';

/** A stream of bytes; what it returns at its end says why it ended early, or null. */
export type ByteStream = AsyncGenerator<Buffer, string | null, undefined>;

/** @param onRead told the bytes of every chunk as they leave the disk */
export async function* fileBytes(path: string, onRead: (bytes: number) => void): ByteStream {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 16 })) {
      onRead((chunk as Buffer).length);
      yield chunk as Buffer;
    }
  } catch (error) {
    throw new WorkError(`could not read ${path}: ${messageOf(error)}`, { cause: error });
  }
  return null;
}

/** Decompresses; of a file that is cut short or damaged, everything up to the damage is still handed out. */
export async function* gunzip(compressed: ByteStream): ByteStream {
  const decompressor = createGunzip();
  const ready: Buffer[] = [];
  const state: { failure: string | null } = { failure: null };
  decompressor.on('data', (chunk: Buffer) => ready.push(chunk));
  const ended = new Promise<void>((resolve) => {
    decompressor.once('end', resolve);
    decompressor.once('error', (error) => {
      state.failure = /unexpected end/.test(error.message)
        ? 'the gzip stream is cut short'
        : `the gzip stream is damaged (${error.message})`;
      resolve();
    });
  });
  try {
    for await (const chunk of compressed) {
      await Promise.race([
        ended,
        new Promise<void>((resolve) =>
          decompressor.write(chunk, () => {
            resolve();
          }),
        ),
      ]);
      yield* ready.splice(0);
      if (state.failure !== null) return state.failure;
    }
    decompressor.end();
    await ended;
    yield* ready.splice(0);
    return state.failure;
  } finally {
    decompressor.destroy();
  }
}

/** One line of a file, its line end included. */
export interface Line {
  /** 1-based. */
  readonly number: number;
  /** Null for a line beyond the limit. */
  readonly bytes: Buffer | null;
}

const NEWLINE = 0x0a;

/**
 * Splits bytes at line feeds. A line beyond `limit` bytes is passed over without being held.
 * @returns why the bytes ended early, or null; the line that was being read then is not handed out
 */
export async function* lines(bytes: ByteStream, limit: number): AsyncGenerator<Line[], string | null, undefined> {
  let [number, held, parts] = [1, 0, [] as Buffer[]];
  const finish = (last: Buffer): Line => {
    held += last.length;
    const line = { number: number++, bytes: held > limit ? null : Buffer.concat([...parts, last]) };
    [held, parts] = [0, []];
    return line;
  };
  for (;;) {
    const next = await bytes.next();
    if (next.done === true) {
      if (next.value === null && held > 0) yield [finish(Buffer.alloc(0))];
      return next.value;
    }
    const whole: Line[] = [];
    let start = 0;
    for (let at = next.value.indexOf(NEWLINE); at >= 0; at = next.value.indexOf(NEWLINE, start)) {
      whole.push(finish(next.value.subarray(start, at + 1)));
      start = at + 1;
    }
    const rest = next.value.subarray(start);
    held += rest.length;
    if (held <= limit) parts.push(rest);
    else parts = [];
    if (whole.length > 0) yield whole;
  }
}
