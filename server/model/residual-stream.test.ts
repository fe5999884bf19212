import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../foundation/package-root.ts';
import { OnnxGraph } from './onnx-graph.ts';
import { readOnnxFile } from './onnx-file.ts';
import { findResidualStream } from './residual-stream.ts';

const shared = join(packageRoot, '..', 'shared', 'fixtures', 'models');

interface Golden {
  readonly n_layers: number;
  readonly hook_points: readonly string[];
  readonly files: Readonly<Record<string, { readonly hook_tensors: Readonly<Record<string, readonly string[]>> }>>;
}

const golden = (model: string): Golden =>
  JSON.parse(readFileSync(join(shared, model, 'golden.json'), 'utf8')) as Golden;

const cases = existsSync(shared)
  ? readdirSync(shared, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.endsWith('-genai') && entry.name !== 'minilm')
      .flatMap(({ name }) => Object.keys(golden(name).files).map((file) => ({ model: name, file })))
  : [];

describe.skipIf(cases.length === 0)('finding the residual stream (skipped: no shared/ fixtures)', () => {
  it.each(cases)('$model/$file has its hook points where running the graph shows them', async ({ model, file }) => {
    const { files, n_layers: layers, hook_points: names } = golden(model);
    const stream = findResidualStream(new OnnxGraph(await readOnnxFile(join(shared, model, file))), layers);
    expect([...stream.hookPoints.keys()]).toEqual(names);
    for (const [name, tensor] of stream.hookPoints) expect(files[file]!.hook_tensors[name], name).toContain(tensor);
    expect(stream.unembedding).not.toBeNull();
  });

  it('says what hides the stream of a model with fused skip-norms', async () => {
    const file = await readOnnxFile(join(shared, 'llama-genai', 'onnx', 'model.onnx'));
    expect(() => findResidualStream(new OnnxGraph(file), 3)).toThrow(/Fused skip-norm/);
  });
});
