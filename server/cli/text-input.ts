import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Interrupted, messageOf, UsageError, WorkError } from '../foundation/errors.ts';
import { decodeText } from '../foundation/text.ts';
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

/**
 * A text exactly as it is: byte order mark and line ends are kept, so that offsets hold in the file.
 * @param source Path of a file, or `-` for stdin.
 */
export async function readText(source: string, { input, interrupted }: Surroundings): Promise<string> {
  if (source === '-') return decodeText(await readInput(input, interrupted), 'stdin');
  const found = await stat(source).catch((error: unknown) => {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : messageOf(error);
    throw new UsageError(`"${source}" ${why}; expected a text file, or - for stdin`);
  });
  if (found.isDirectory()) throw new UsageError(`"${source}" is a folder; expected a text file, or - for stdin`);
  return decodeText(await bytesOf(createReadStream(source), source, interrupted), source);
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
