import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Home } from '../../foundation/home.ts';
import { packageRoot, shippedFile } from '../../foundation/package-root.ts';
import { SafetensorsFile } from '../../foundation/safetensors.ts';
import { Random } from '../../foundation/random.ts';
import type { LanguageModel, TokenSequence } from '../language-model.ts';
import { BUILTIN_MODEL, ModelStore } from '../model-store.ts';

const shared = join(packageRoot, '..', 'shared', 'fixtures', 'models');
/** Models of random weights: every family whose graph can be cut, in float32. */
const models = [shippedFile('test', 'fixtures', 'models'), shared]
  .flatMap((root) => (existsSync(root) ? readdirSync(root).map((name) => ({ name, folder: join(root, name) })) : []))
  .filter(({ name, folder }) => !name.endsWith('-genai') && name !== 'minilm' && existsSync(join(folder, 'onnx')));

let home: string;
let store: ModelStore;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'ssae-gradient-'));
  store = new ModelStore(new Home(home));
});
afterAll(() => rm(home, { recursive: true, force: true }));

/** Σ_v p_v (log p_v − log q_v) of every row, summed in float64. */
function divergenceOf(p: Float32Array, q: Float32Array, width: number): number[] {
  const logs = (row: Float32Array): Float64Array => {
    const peak = row.reduce((most, value) => Math.max(most, value), -Infinity);
    const sum = row.reduce((total, value) => total + Math.exp(value - peak), 0);
    return Float64Array.from(row, (value) => value - peak - Math.log(sum));
  };
  return Array.from({ length: p.length / width }, (_, i) => {
    const [a, b] = [logs(p.subarray(i * width, (i + 1) * width)), logs(q.subarray(i * width, (i + 1) * width))];
    return a.reduce((total, log, v) => total + Math.exp(log) * (log - b[v]!), 0);
  });
}

interface Problem {
  readonly sequences: TokenSequence[];
  readonly original: Float32Array[];
  readonly replacement: Float32Array[];
}

/** Two sequences of different lengths with an error of a tenth of the stream's size. */
async function problemOf(model: LanguageModel, hookPoint: string): Promise<Problem> {
  const random = new Random(5);
  const sequences = [7, 4].map((length) =>
    Int32Array.from({ length }, () => Math.floor(random.uniform() * Math.min(model.description.vocabulary, 300))),
  );
  const original = await model.activations(hookPoint, sequences);
  const replacement = original.map((rows) => {
    const size = Math.sqrt(rows.reduce((sum, value) => sum + value * value, 0) / rows.length);
    return rows.map((value) => value + 0.3 * size * (random.uniform() - 0.5));
  });
  return { sequences, original, replacement };
}

async function totalDivergence(
  model: LanguageModel,
  hookPoint: string,
  problem: Problem,
  by: number,
  along: Float32Array[],
): Promise<number> {
  const { sequences, original, replacement } = problem;
  const width = model.description.vocabulary;
  const moved = replacement.map((rows, s) => rows.map((value, i) => value + by * along[s]![i]!));
  const before = await model.logits(sequences, { hookPoint, activations: original });
  const after = await model.logits(sequences, { hookPoint, activations: moved });
  return before.reduce((sum, p, s) => sum + divergenceOf(p, after[s]!, width).reduce((a, b) => a + b, 0), 0);
}

const dot = (a: readonly Float32Array[], b: readonly Float32Array[]): number =>
  a.reduce((sum, rows, s) => sum + rows.reduce((own, value, i) => own + value * b[s]![i]!, 0), 0);

/** The gradient's slope along itself, and along a random half of its numbers, against central differences of float64 divergences. */
async function checkSlopes(model: LanguageModel, hookPoint: string): Promise<void> {
  const problem = await problemOf(model, hookPoint);
  const found = await model.divergenceGradients(hookPoint, problem.original, problem.replacement);
  const gradient = found.map((each) => each.gradient);
  const norm = Math.sqrt(dot(gradient, gradient));
  expect(norm).toBeGreaterThan(0);
  const random = new Random(9);
  const half = gradient.map((rows) => rows.map((value) => (random.below(2) * value) / norm));
  for (const along of [gradient.map((rows) => rows.map((value) => value / norm)), half]) {
    const slope = dot(gradient, along);
    const total = (by: number): Promise<number> => totalDivergence(model, hookPoint, problem, by, along);
    // Logits are float32: long steps leave the straight part, short ones drown in rounding. A slope that is wrong agrees with none.
    const size = Math.sqrt(dot(problem.replacement, problem.replacement));
    let worst = Infinity;
    for (const step of [1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5].map((share) => share * size)) {
      const near = (await total(step)) - (await total(-step));
      const far = (await total(2 * step)) - (await total(-2 * step));
      const difference = (8 * near - far) / (12 * step);
      worst = Math.min(worst, Math.abs(slope - difference) / Math.abs(difference));
    }
    expect(worst).toBeLessThan(1e-3);
  }
}

describe('the gradient of the divergence through the built-in model', () => {
  const hookPoints = [
    'blocks.0.hook_resid_pre',
    'blocks.1.hook_resid_post',
    'blocks.2.hook_resid_mid',
    'blocks.3.hook_resid_post',
  ];

  it.each(hookPoints)('is that of finite differences at %s', async (hookPoint) => {
    await using model = await store.open(BUILTIN_MODEL, 1);
    await checkSlopes(model, hookPoint);
  });

  it('comes with the divergence that onnxruntime’s own tail gives', async () => {
    await using model = await store.open(BUILTIN_MODEL, 1);
    const hookPoint = 'blocks.1.hook_resid_post';
    const { sequences, original, replacement } = await problemOf(model, hookPoint);
    const found = await model.divergenceGradients(hookPoint, original, replacement);
    const before = await model.logits(sequences, { hookPoint, activations: original });
    const after = await model.logits(sequences, { hookPoint, activations: replacement });
    for (const [s, { divergence, gradient }] of found.entries()) {
      expect(gradient.length).toBe(original[s]!.length);
      const expected = divergenceOf(before[s]!, after[s]!, model.description.vocabulary);
      for (const [i, value] of expected.entries())
        expect(Math.abs(divergence[i]! - value)).toBeLessThan(1e-4 * value + 1e-6);
    }
  });

  /**
   * test/fixtures/builtin/divergence.safetensors: torch 2.13 autograd in float64 through transformers' LlamaForCausalLM with this model's
   * weights, of the summed KL over ten tokens with x̂ = x + a wave at `blocks.1.hook_resid_post`.
   */
  it('is that of PyTorch', async () => {
    await using file = await SafetensorsFile.open(shippedFile('test', 'fixtures', 'builtin', 'divergence.safetensors'));
    const [original, replacement] = [await file.float32('original'), await file.float32('replacement')];
    await using model = await store.open(BUILTIN_MODEL, 1);
    const [found] = await model.divergenceGradients('blocks.1.hook_resid_post', [original], [replacement]);
    for (const name of ['divergence', 'gradient'] as const) {
      const expected = await file.float32(name);
      const peak = Math.max(...expected.map(Math.abs));
      for (const [i, value] of expected.entries())
        expect(Math.abs(found![name][i]! - value), `${name}[${i}]`).toBeLessThan(1e-4 * peak);
    }
  });

  it('is nothing where nothing was replaced', async () => {
    await using model = await store.open(BUILTIN_MODEL, 1);
    const { original } = await problemOf(model, 'blocks.2.hook_resid_post');
    const [first] = await model.divergenceGradients('blocks.2.hook_resid_post', original, original);
    expect(Math.max(...first!.divergence.map(Math.abs))).toBeLessThan(1e-6);
    expect(Math.max(...first!.gradient.map(Math.abs))).toBeLessThan(1e-6);
  });

  it('is the same whatever a sequence runs beside', async () => {
    await using model = await store.open(BUILTIN_MODEL, 1);
    const { original, replacement } = await problemOf(model, 'blocks.2.hook_resid_post');
    const [, together] = await model.divergenceGradients('blocks.2.hook_resid_post', original, replacement);
    const [alone] = await model.divergenceGradients('blocks.2.hook_resid_post', [original[1]!], [replacement[1]!]);
    const peak = Math.max(...alone!.gradient.map(Math.abs));
    for (const [i, value] of alone!.gradient.entries())
      expect(Math.abs(together!.gradient[i]! - value)).toBeLessThan(1e-4 * peak);
  });
});

describe.each(models)('the gradient of the divergence through $name', ({ folder }) => {
  it('is that of finite differences', async () => {
    await using model = await store.open(folder, 1);
    await checkSlopes(model, 'blocks.0.hook_resid_post');
  });
});
