/** Arrays of numbers as they come: base64 of little-endian bytes, as every processor that runs an editor has them. */

function bytesOf(base64: string): ArrayBuffer {
  const characters = atob(base64);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at);
  return bytes.buffer;
}

/** @throws RangeError | DOMException when the text is not whole numbers in base64 */
export const float64s = (base64: string): Float64Array => new Float64Array(bytesOf(base64));
export const float32s = (base64: string): Float32Array => new Float32Array(bytesOf(base64));
export const uint32s = (base64: string): Uint32Array => new Uint32Array(bytesOf(base64));
