import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leaveWeightsInFiles } from './external-weights.ts';
import type { OnnxGraphProto, OnnxTensor } from './onnx-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-weights-'));
  await writeFile(join(folder, 'model.onnx_data'), new Uint8Array(4096));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const graphOf = (...initializer: OnnxTensor[]): OnnxGraphProto => ({
  ...{ node: [], input: [], output: [], valueInfo: [] },
  initializer,
});

function external(fields: Readonly<Record<string, string>>): OnnxTensor {
  const externalData = Object.entries(fields).map(([key, value]) => ({ key, value }));
  return { name: 'w', dims: [16], dataType: 1, dataLocation: 1, externalData };
}

describe('weights that stay in their files', () => {
  it('are referred to by their place in the graph file when they are large, and kept when they are small', async () => {
    const file = Buffer.alloc(8192, 7);
    const large: OnnxTensor = { name: 'large', dims: [1024], dataType: 1, rawData: file.subarray(100, 4196) };
    const small: OnnxTensor = { name: 'small', dims: [4], dataType: 1, rawData: file.subarray(5000, 5016) };
    await leaveWeightsInFiles(graphOf(large, small), join(folder, 'model.onnx'), file);
    expect(large).toMatchObject({
      dataLocation: 1,
      externalData: [
        { key: 'location', value: 'model.onnx' },
        { key: 'offset', value: '100' },
        { key: 'length', value: '4096' },
      ],
    });
    expect(large.rawData).toBeUndefined();
    expect(small.rawData).toHaveLength(16);
    expect(small.rawData!.buffer).not.toBe(file.buffer);
  });

  it.each([
    [{ location: '../model.onnx_data' }, /no file beside the graph/],
    [{ location: '/etc/hosts' }, /no file beside the graph/],
    [{ location: '' }, /no file beside the graph/],
    [{ location: 'other.data' }, /does not exist/],
    [{ location: 'model.onnx_data', offset: '4000', length: '200' }, /cut off/],
    [{ location: 'model.onnx_data', offset: '-4', length: '8' }, /cut off/],
    [{ location: 'model.onnx_data', offset: 'many' }, /cut off/],
  ])('are refused where %j points nowhere good', async (fields, message) => {
    const graph = graphOf(external(fields));
    await expect(leaveWeightsInFiles(graph, join(folder, 'model.onnx'), Buffer.alloc(0))).rejects.toThrow(message);
  });

  it('may be in a file beside the graph', async () => {
    const graph = graphOf(external({ location: 'model.onnx_data', offset: '0', length: '4096' }));
    await expect(leaveWeightsInFiles(graph, join(folder, 'model.onnx'), Buffer.alloc(0))).resolves.toBeUndefined();
  });
});
