/** bfloat16, the upper 16 bits of a float32: to float32 and back nothing is lost. */

/** The last half of its memory holds as many bfloat16 numbers: they become its values. */
export function widenInPlace(floats: Float32Array): void {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = lastHalf(floats);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
}

/** Where {@link widenInPlace} takes its numbers from. */
export function lastHalf(floats: Float32Array): Uint16Array {
  return new Uint16Array(floats.buffer, floats.byteOffset + 2 * floats.length, floats.length);
}

/** Rounds to the nearest bfloat16, of two as near the even one. @returns the first half of the memory of `floats`, whose values are lost */
export function narrowInPlace(floats: Float32Array): Uint16Array {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(floats.buffer, floats.byteOffset, floats.length);
  for (let i = 0; i < halves.length; i++) {
    const word = words[i]!;
    const isNaN = (word & 0x7fff_ffff) > 0x7f80_0000;
    halves[i] = isNaN ? 0x7fc0 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}
