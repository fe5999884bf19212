import type { Line } from './byte-stream.ts';
import { MAX_RECORD_BYTES, skipped, type SkippedRecord } from './record.ts';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const BYTE_ORDER_MARK = '\ufeff';

/** Decodes UTF-8. @returns null for bytes that are not valid UTF-8 */
export function decode(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/** A line's text without a byte order mark, or why it has none. */
export function decodeLine({ number, bytes }: Line): { readonly kind: 'line'; readonly text: string } | SkippedRecord {
  if (bytes === null) return skipped(number, `longer than ${MAX_RECORD_BYTES / 1024 ** 2} MiB`);
  const text = decode(bytes);
  if (text === null) return skipped(number, 'not valid UTF-8');
  return { kind: 'line', text: number === 1 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text };
}
