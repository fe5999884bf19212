import { stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize } from 'node:path';
import { WorkError } from '../foundation/errors.ts';
import type { OnnxGraphProto, OnnxTensor } from './onnx-file.ts';

/** TensorProto.DataLocation */
const EXTERNAL = 1;
/** AttributeProto.AttributeType */
const TENSOR_ATTRIBUTE = 4;
/** Smaller tensors (sizes, axes, norms' gains) are kept with the graph. */
const MIN_BYTES = 1024;

/**
 * Makes every large weight of a graph a reference into the file that holds it, the graph's own file included: the runtime maps
 * the file, and no copy of the weights is made on the way to it.
 * @param bytes the file's; weights that were read are views of them
 */
export async function leaveWeightsInFiles(graph: OnnxGraphProto, path: string, bytes: Buffer): Promise<void> {
  constantsToInitializers(graph);
  const sizes = new Map<string, number>();
  for (const tensor of graph.initializer) {
    if (tensor.dataLocation === EXTERNAL) await checkReference(tensor, path, sizes);
    else if (tensor.rawData?.length) leaveInFile(tensor, tensor.rawData, bytes, basename(path));
  }
  for (const { attribute } of graph.node)
    for (const { g } of attribute) if (g != null) await leaveWeightsInFiles(g, path, bytes);
}

/** Old exports keep weights in nodes without inputs, from where the runtime cannot refer to a file. */
function constantsToInitializers(graph: OnnxGraphProto): void {
  graph.node = graph.node.filter(({ opType, attribute, output }) => {
    const constant = opType === 'Constant' ? attribute.find(({ name }) => name === 'value') : undefined;
    if (constant?.type !== TENSOR_ATTRIBUTE || constant.t == null) return true;
    graph.initializer.push(Object.assign(constant.t, { name: output[0]! }));
    return false;
  });
}

function leaveInFile(tensor: OnnxTensor, rawData: Uint8Array, file: Buffer, location: string): void {
  if (rawData.length < MIN_BYTES) {
    tensor.rawData = Uint8Array.from(rawData); // A view would keep the whole file in memory.
    return;
  }
  const reference = { location, offset: rawData.byteOffset - file.byteOffset, length: rawData.length };
  tensor.externalData = Object.entries(reference).map(([key, value]) => ({ key, value: String(value) }));
  tensor.dataLocation = EXTERNAL;
  delete tensor.rawData;
}

async function checkReference(
  { name, externalData }: OnnxTensor,
  path: string,
  sizes: Map<string, number>,
): Promise<void> {
  const field = (key: string): string | undefined => externalData?.find((entry) => entry.key === key)?.value;
  const wrong = (why: string): WorkError => new WorkError(`weight "${name}" ${why}`);
  const location = field('location') ?? '';
  if (location === '' || isAbsolute(location) || normalize(location).startsWith('..'))
    throw wrong(`is said to be in "${location}", which is no file beside the graph`);
  const file = join(dirname(path), location);
  const size = sizes.get(file) ?? (await stat(file).catch(() => null))?.size;
  if (size === undefined) throw wrong(`is in ${file}, which does not exist; copy that file beside the graph`);
  sizes.set(file, size);
  const offset = Number(field('offset') ?? 0);
  const length = Number(field('length') ?? size - offset);
  if (!(offset >= 0 && length >= 0 && offset + length <= size))
    throw wrong(`is cut off: it should be bytes ${offset} to ${offset + length} of ${file}, which has ${size}`);
}
