import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { messageOf, WorkError } from './errors.ts';
import { writeFileAtomic } from './files.ts';

/** The safetensors container: https://github.com/huggingface/safetensors#format */
export type Dtype =
  'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U64' | 'U32' | 'U16' | 'U8' | 'BOOL';

export const BYTES: Readonly<Record<Dtype, number>> = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2 },
  ...{ I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 },
};
const MAX_HEADER_BYTES = 100_000_000;

export interface TensorEntry {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Byte range below the header. */
  readonly begin: number;
  readonly end: number;
}

/** One tensor to write; `data` holds shape's product of elements in row-major order. */
export interface TensorData {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: NodeJS.TypedArray;
}

function parseEntry(path: string, name: string, raw: unknown, available: number): TensorEntry {
  const wrong = (why: string): WorkError => new WorkError(`${path}: tensor "${name}" ${why}`);
  const { dtype, shape, data_offsets: offsets } = (raw ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Object.hasOwn(BYTES, dtype)) throw wrong(`has dtype ${JSON.stringify(dtype)}`);
  const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(isSize)) throw wrong(`has shape ${JSON.stringify(shape)}`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize))
    throw wrong(`has data_offsets ${JSON.stringify(offsets)}`);
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, size) => product * size, BYTES[dtype as Dtype]);
  if (end < begin || end > available) throw wrong(`lies outside the file (bytes ${begin} to ${end} of ${available})`);
  if (bytes !== end - begin)
    throw wrong(`of shape [${shape.join(', ')}] ${dtype} needs ${bytes} bytes, has ${end - begin}`);
  return { dtype: dtype as Dtype, shape, begin, end };
}

/** A safetensors file whose header was read and checked; tensors are read when asked for. */
export class SafetensorsFile implements AsyncDisposable {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #file: FileHandle;
  readonly #dataStart: number;

  private constructor(
    path: string,
    file: FileHandle,
    dataStart: number,
    tensors: Map<string, TensorEntry>,
    metadata: Record<string, string>,
  ) {
    this.path = path;
    this.#file = file;
    this.#dataStart = dataStart;
    this.tensors = tensors;
    this.metadata = metadata;
  }

  /** Opens a file and checks its whole header against the file's size before anything is allocated for it. */
  static async open(path: string): Promise<SafetensorsFile> {
    const file = await open(path, 'r').catch((error: unknown) => {
      throw new WorkError(`could not open ${path}: ${messageOf(error)}`, { cause: error });
    });
    try {
      const { size } = await file.stat();
      const prefix = Buffer.alloc(8);
      const { bytesRead } = await file.read(prefix, 0, 8, 0);
      const headerBytes = bytesRead < 8 ? Infinity : Number(prefix.readBigUInt64LE());
      if (headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > size)
        throw new WorkError(
          `${path} is not a safetensors file, or is cut short (${size} bytes, header of ${headerBytes} bytes declared)`,
        );
      const text = Buffer.alloc(headerBytes);
      await file.read(text, 0, headerBytes, 8);
      const { tensors, metadata } = SafetensorsFile.#parseHeader(path, text, size - 8 - headerBytes);
      return new SafetensorsFile(path, file, 8 + headerBytes, tensors, metadata);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  static #parseHeader(
    path: string,
    text: Buffer,
    available: number,
  ): { tensors: Map<string, TensorEntry>; metadata: Record<string, string> } {
    let header: unknown;
    try {
      header = JSON.parse(text.toString('utf8'));
    } catch (error) {
      throw new WorkError(`${path}: the safetensors header is not JSON (${messageOf(error)})`, { cause: error });
    }
    if (header === null || typeof header !== 'object' || Array.isArray(header))
      throw new WorkError(`${path}: the safetensors header is not an object`);
    const tensors = new Map<string, TensorEntry>();
    let metadata: Record<string, string> = {};
    for (const [name, raw] of Object.entries(header)) {
      if (name === '__metadata__') metadata = raw as Record<string, string>;
      else tensors.set(name, parseEntry(path, name, raw, available));
    }
    return { tensors, metadata };
  }

  entry(name: string): TensorEntry {
    const entry = this.tensors.get(name);
    if (entry === undefined)
      throw new WorkError(`${this.path} has no tensor "${name}"; it has: ${[...this.tensors.keys()].join(', ')}`);
    return entry;
  }

  /** The raw little-endian bytes of elements [first, first + count) of a tensor (all of it by default). */
  async bytes(name: string, first = 0, count?: number): Promise<Uint8Array<ArrayBuffer>> {
    const { dtype, begin, end } = this.entry(name);
    const width = BYTES[dtype];
    const length = count === undefined ? end - begin - first * width : count * width;
    if (first < 0 || length < 0 || first * width + length > end - begin)
      throw new WorkError(`${this.path}: elements ${first} to ${first + length / width} of "${name}" do not exist`);
    const bytes = new Uint8Array(length);
    let read = 0;
    while (read < length) {
      const { bytesRead } = await this.#file.read(
        bytes,
        read,
        length - read,
        this.#dataStart + begin + first * width + read,
      );
      if (bytesRead === 0) throw new WorkError(`${this.path} ended inside tensor "${name}"`);
      read += bytesRead;
    }
    return bytes;
  }

  /** Elements [first, first + count) as float32; float16, bfloat16 and float64 are converted. Integers are refused. */
  async float32(name: string, first = 0, count?: number): Promise<Float32Array<ArrayBuffer>> {
    const { dtype } = this.entry(name);
    const bytes = await this.bytes(name, first, count);
    switch (dtype) {
      case 'F32':
        return new Float32Array(bytes.buffer);
      case 'F64':
        return Float32Array.from(new Float64Array(bytes.buffer));
      case 'F16':
        return fromHalves(new Uint16Array(bytes.buffer));
      case 'BF16': {
        const words = Uint32Array.from(new Uint16Array(bytes.buffer), (half) => half << 16);
        return new Float32Array(words.buffer);
      }
      default:
        throw new WorkError(`${this.path}: tensor "${name}" is ${dtype}; a floating-point tensor was expected`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** IEEE 754 binary16 bits to a number. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Of every pattern of 16 bits its number; made when first needed. */
let floatsOfHalves: Float32Array | null = null;

/** Numbers of binary16 patterns, as many. */
export function fromHalves(halves: Uint16Array): Float32Array<ArrayBuffer> {
  floatsOfHalves ??= Float32Array.from({ length: 1 << 16 }, (_, bits) => halfToFloat(bits));
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) floats[i] = floatsOfHalves[halves[i]!]!;
  return floats;
}

/** The bits of a binary32 number to those of the nearest binary16 number, of two as near the even one; every NaN becomes one. */
function halfOfWord(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return 0x7e00;
  if (magnitude >= 0x477f_f000) return sign | 0x7c00; // 65,520 and above is infinite
  if (magnitude >= 0x3880_0000) return sign | ((magnitude - 0x3800_0000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  const shift = 126 - (magnitude >>> 23); // below 2^-14: units of 2^-24
  if (shift > 24) return sign;
  const mantissa = (magnitude & 0x7f_ffff) | 0x80_0000;
  return sign | ((mantissa + (1 << (shift - 1)) - 1 + ((mantissa >>> shift) & 1)) >>> shift);
}

const scratch = new Float32Array(1);
const scratchWord = new Uint32Array(scratch.buffer);

/** A number to IEEE 754 binary16 bits, rounded to nearest even. */
export function floatToHalf(value: number): number {
  scratch[0] = value;
  return halfOfWord(scratchWord[0]!);
}

/** binary16 patterns of numbers, as many; each as {@link floatToHalf}. */
export function toHalves(floats: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(floats.length);
  for (let i = 0; i < halves.length; i++) halves[i] = halfOfWord(words[i]!);
  return halves;
}

/** What stands before the tensors' bytes: the header's length, and the header, padded to whole words. */
export function encodeHeader(header: Readonly<Record<string, unknown>>): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const encoded = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, 0x20);
  encoded.writeBigUInt64LE(BigInt(encoded.length - 8));
  text.copy(encoded, 8);
  return encoded;
}

/**
 * Writes one tensor whose rows come piece by piece, atomically: memory does not grow with it.
 * @returns the file's length and SHA-256
 * @throws WorkError when there come fewer or more bytes than the shape says, or the disk refuses
 */
export async function streamSafetensors(
  path: string,
  name: string,
  { dtype, shape }: Pick<TensorData, 'dtype' | 'shape'>,
  pieces: AsyncIterable<NodeJS.TypedArray>,
): Promise<{ readonly bytes: number; readonly contentHash: string }> {
  const expected = shape.reduce((product, size) => product * size, BYTES[dtype]);
  const head = encodeHeader({ [name]: { dtype, shape, data_offsets: [0, expected] } });
  const hash = createHash('sha256').update(head);
  let written = 0;
  await writeFileAtomic(path, async (file) => {
    await file.writeFile(head);
    for await (const { buffer, byteOffset, byteLength } of pieces) {
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      hash.update(bytes);
      await file.writeFile(bytes);
      written += byteLength;
    }
    if (written !== expected)
      throw new WorkError(`${path}: tensor "${name}" of shape [${shape.join(', ')}] was given ${written} bytes`);
  });
  return { bytes: head.length + written, contentHash: hash.digest('hex') };
}

/** Writes a safetensors file atomically; the same tensors give the same bytes. */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, TensorData>>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  let offset = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    const expected = shape.reduce((product, size) => product * size, BYTES[dtype]);
    if (expected !== data.byteLength)
      throw new WorkError(
        `${path}: tensor "${name}" of shape [${shape.join(', ')}] was given ${data.byteLength} bytes`,
      );
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const head = encodeHeader(header);
  await writeFileAtomic(path, async (file) => {
    await file.writeFile(head);
    for (const { data } of Object.values(tensors)) {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      for (let written = 0; written < bytes.length;) {
        const { bytesWritten } = await file.write(bytes, written, Math.min(bytes.length - written, 1 << 28));
        written += bytesWritten;
      }
    }
  });
}
