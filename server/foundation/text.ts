import { isUtf8 } from 'node:buffer';
import { WorkError } from './errors.ts';

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

/**
 * Text of UTF-8 bytes as it is: byte order mark and line ends are kept.
 * @param name what to call it in a message
 * @throws WorkError naming the first byte that is not text
 */
export function decodeText(bytes: Uint8Array, name: string): string {
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
