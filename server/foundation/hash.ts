import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** SHA-256 as lower-case hexadecimal. */
export function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** SHA-256 of a file, read as a stream. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

/** JSON with object keys sorted, so that equal configurations give equal text and equal hashes. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** Hash of several documents or texts as one split: the order does not matter. First 16 hexadecimal digits. */
export function splitHash(contentHashes: Iterable<string>): string {
  return sha256([...contentHashes].sort().join('\n')).slice(0, 16);
}
