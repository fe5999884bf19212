import { WorkError } from './errors.ts';
import { writeFileAtomic } from './files.ts';
import { BYTES, encodeHeader, type TensorData } from './safetensors.ts';

/**
 * Writes tensors whose bytes come piece by piece, in the order given, atomically: the bytes of {@link writeSafetensors}.
 * @throws WorkError when there come fewer or more bytes than the shapes say, or the disk refuses
 */
export async function streamTensors(
  path: string,
  tensors: ReadonlyMap<string, Pick<TensorData, 'dtype' | 'shape'>>,
  pieces: AsyncIterable<NodeJS.TypedArray> | Iterable<NodeJS.TypedArray>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  let expected = 0;
  for (const [name, { dtype, shape }] of tensors) {
    const end = expected + shape.reduce((product, size) => product * size, BYTES[dtype]);
    header[name] = { dtype, shape, data_offsets: [expected, end] };
    expected = end;
  }
  await writeFileAtomic(path, async (file) => {
    await file.writeFile(encodeHeader(header));
    let written = 0;
    for await (const { buffer, byteOffset, byteLength } of pieces) {
      await file.writeFile(new Uint8Array(buffer, byteOffset, byteLength));
      written += byteLength;
    }
    if (written !== expected)
      throw new WorkError(`${path}: its tensors take ${expected} bytes and were given ${written}`);
  });
}
