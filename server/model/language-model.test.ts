import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Home } from '../foundation/home.ts';
import { packageRoot, shippedFile } from '../foundation/package-root.ts';
import { SafetensorsFile } from '../foundation/safetensors.ts';
import type { LanguageModel, TokenSequence } from './language-model.ts';
import { ModelStore } from './model-store.ts';

interface GoldenFile {
  readonly dtype: string;
  readonly tolerance: number;
  readonly golden: string;
}

interface Golden {
  readonly d_model: number;
  readonly logits_width: number;
  readonly hook_points: readonly string[];
  readonly prompts: Readonly<Record<string, { readonly input_ids: readonly (readonly number[])[] }>>;
  readonly files: Readonly<Record<string, GoldenFile>>;
}

const shared = join(packageRoot, '..', 'shared', 'fixtures', 'models');
const own = shippedFile('test', 'fixtures', 'models');

const goldenOf = (folder: string): Golden => JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8')) as Golden;

/** Every graph of the fixtures that can be cut: fused skip-norms cannot, and `minilm` is an encoder. */
const cases = [own, ...(existsSync(shared) ? [shared] : [])].flatMap((root) =>
  readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.endsWith('-genai') && entry.name !== 'minilm')
    .map(({ name }) => join(root, name))
    .flatMap((folder) =>
      Object.keys(goldenOf(folder).files)
        .filter((file) => existsSync(join(folder, file)))
        .map((file) => ({ model: folder.slice(root.length + 1), folder, file })),
    ),
);

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'ssae-model-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

function largestDifference(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  return actual.reduce((largest, value, i) => Math.max(largest, Math.abs(value - expected[i]!)), 0);
}

const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Golden tensors are [batch, longest, width]; sequences are rows of a batch without its padding. */
async function goldenRows(
  file: SafetensorsFile,
  name: string,
  sequences: readonly TokenSequence[],
): Promise<Float32Array[]> {
  const [, longest, width] = file.entry(name).shape as [number, number, number];
  const all = await file.float32(name);
  return sequences.map(({ length }, row) => all.slice(row * longest * width, (row * longest + length) * width));
}

describe.each(cases)('$model/$file against PyTorch', ({ folder, file }) => {
  const golden = goldenOf(folder);
  const { dtype, tolerance, golden: goldenName } = golden.files[file]!;
  /** The goldens of reduced files hold one prompt, and the change in the float32 golden applies to them. */
  const prompts = (goldenName === 'golden.safetensors' ? ['one', 'right', 'single'] : ['one']).map((name) => ({
    name,
    sequences: golden.prompts[name]!.input_ids.map((ids) => Int32Array.from(ids)),
  }));
  /** float32 files are held to 1e-5 of the stream's largest value, reduced ones to what their logits are allowed. */
  const allowed = (expected: Float32Array): number => (dtype === 'float32' ? 1e-5 * largest(expected) : tolerance);
  let model: LanguageModel;
  let expected: SafetensorsFile;

  beforeAll(async () => {
    model = await new ModelStore(new Home(home)).open(join(folder, file), 1);
    expected = await SafetensorsFile.open(join(folder, goldenName));
  });
  afterAll(async () => {
    await model[Symbol.asyncDispose]();
    await expected[Symbol.asyncDispose]();
  });

  it('gives the residual stream at every hook point, alone and padded', async () => {
    expect(model.description.hookPoints.map(({ name }) => name)).toEqual(golden.hook_points);
    for (const { name, sequences } of prompts)
      for (const hookPoint of golden.hook_points) {
        const rows = await goldenRows(expected, `${name}.${hookPoint}`, sequences);
        const actual = await model.activations(hookPoint, sequences);
        for (const [i, row] of rows.entries())
          expect(largestDifference(actual[i]!, row), `${name} ${hookPoint}`).toBeLessThanOrEqual(allowed(row));
      }
  });

  it('gives the logits, and the same with the stream replaced by itself', async () => {
    for (const { name, sequences } of prompts) {
      const rows = await goldenRows(expected, `${name}.logits`, sequences);
      for (const hookPoint of [null, golden.hook_points[0]!, golden.hook_points.at(-1)!]) {
        const patch =
          hookPoint === null ? undefined : { hookPoint, activations: await model.activations(hookPoint, sequences) };
        const actual = await model.logits(sequences, patch);
        for (const [i, row] of rows.entries())
          expect(largestDifference(actual[i]!, row), `${name} ${hookPoint ?? 'whole'}`).toBeLessThanOrEqual(tolerance);
      }
    }
  });

  it('goes on from a changed stream as PyTorch does', async () => {
    await using changes = await SafetensorsFile.open(join(folder, 'golden.safetensors'));
    const delta = await changes.float32('splice.delta');
    const hookPoint = 'blocks.1.hook_resid_post';
    for (const { name, sequences } of prompts) {
      const rows = await goldenRows(expected, `${name}.splice.logits`, sequences);
      const stream = await model.activations(hookPoint, sequences);
      const activations = stream.map((values) => values.map((value, i) => value + delta[i]!));
      const actual = await model.logits(sequences, { hookPoint, activations });
      for (const [i, row] of rows.entries())
        expect(largestDifference(actual[i]!, row), name).toBeLessThanOrEqual(tolerance);
    }
    const { sequences } = prompts[0]!;
    const [stream] = await model.activations(hookPoint, sequences);
    const ablated = stream!.map((value, i) => (i < golden.d_model ? value : 0));
    const [actual] = await model.logits(sequences, { hookPoint, activations: [ablated] });
    const [row] = await goldenRows(expected, 'one.ablate.logits', sequences);
    expect(largestDifference(actual!, row!)).toBeLessThanOrEqual(tolerance);
  });

  it('unembeds with the map that makes the logits: linear, and of their width', async () => {
    const directions = Float32Array.from({ length: 2 * golden.d_model }, (_, i) => Math.sin(i));
    const sum = directions.slice(0, golden.d_model).map((value, i) => value + directions[golden.d_model + i]!);
    const effects = await model.unembed(directions);
    const ofSum = await model.unembed(sum);
    const width = golden.logits_width;
    expect(effects.length).toBe(2 * width);
    const added = effects.slice(0, width).map((value, i) => value + effects[width + i]!);
    expect(largestDifference(ofSum, added)).toBeLessThanOrEqual(
      dtype === 'float32' ? 1e-5 * largest(added) : tolerance,
    );
  });
});
