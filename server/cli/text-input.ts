import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Interrupted, messageOf, UsageError, WorkError } from '../foundation/errors.ts';
import type { Surroundings } from './shell.ts';

/** What an inspected text may hold; the same bound as its request's. */
const MAX_BYTES = 64 * 1024 * 1024;

async function bytesOf(
  stream: AsyncIterable<Uint8Array | string>,
  name: string,
  interrupted: AbortSignal,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    size += bytes.length;
    if (size > MAX_BYTES) throw new WorkError(`${name} is larger than ${MAX_BYTES} bytes; split it`);
    if (interrupted.aborted) break;
    chunks.push(bytes);
  }
  if (interrupted.aborted) throw new Interrupted();
  return Buffer.concat(chunks);
}

/** Whether the first `length` bytes hold something that no further byte could make valid. */
function isBroken(bytes: Uint8Array, length: number): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length), { stream: true });
    return false;
  } catch {
    return true;
  }
}

/** Where the first sequence that is not UTF-8 begins. Brokenness of prefixes is monotone, so bisection finds its end. */
function firstInvalidByte(bytes: Uint8Array): number {
  let [valid, broken] = [0, bytes.length + 1];
  while (broken - valid > 1) {
    const middle = (valid + broken) >> 1;
    if (middle <= bytes.length && !isBroken(bytes, middle)) valid = middle;
    else broken = middle;
  }
  while (valid > 0 && !isUtf8(bytes.subarray(0, valid))) valid--;
  return valid;
}

function decode(bytes: Buffer, name: string): string {
  const zero = bytes.indexOf(0);
  if (zero >= 0) throw new WorkError(`${name} is binary: byte ${zero} is 0. Give a text file in UTF-8.`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const offset = firstInvalidByte(bytes);
    const line = bytes.subarray(0, offset).filter((byte) => byte === 0x0a).length + 1;
    const byte = bytes[offset]!.toString(16).toUpperCase().padStart(2, '0');
    throw new WorkError(
      `${name} is not valid UTF-8 at byte ${offset} (0x${byte}, line ${line}). Save it as UTF-8, or convert it with iconv.`,
    );
  }
}

/**
 * A text exactly as it is: byte order mark and line ends are kept, so that offsets hold in the file.
 * @param source Path of a file, or `-` for stdin.
 */
export async function readText(source: string, { input, interrupted }: Surroundings): Promise<string> {
  if (source === '-') return decode(await readInput(input, interrupted), 'stdin');
  const found = await stat(source).catch((error: unknown) => {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : messageOf(error);
    throw new UsageError(`"${source}" ${why}; expected a text file, or - for stdin`);
  });
  if (found.isDirectory()) throw new UsageError(`"${source}" is a folder; expected a text file, or - for stdin`);
  return decode(await bytesOf(createReadStream(source), source, interrupted), source);
}

async function readInput(input: Surroundings['input'], interrupted: AbortSignal): Promise<Buffer> {
  const stop = (): void => {
    if ('destroy' in input && typeof input.destroy === 'function') (input.destroy as () => void).call(input);
  };
  interrupted.addEventListener('abort', stop, { once: true });
  try {
    return await bytesOf(input as AsyncIterable<Uint8Array | string>, 'stdin', interrupted);
  } catch (error) {
    if (interrupted.aborted) throw new Interrupted();
    throw error;
  } finally {
    interrupted.removeEventListener('abort', stop);
  }
}
