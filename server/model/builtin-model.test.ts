import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Interrupted, UsageError } from '../foundation/errors.ts';
import { readJson } from '../foundation/files.ts';
import { Home } from '../foundation/home.ts';
import { shippedFile } from '../foundation/package-root.ts';
import { SafetensorsFile } from '../foundation/safetensors.ts';
import type { LanguageModel } from './language-model.ts';
import { ModelStore } from './model-store.ts';

interface Golden {
  readonly texts: readonly string[];
  readonly ids: readonly (readonly number[])[];
  readonly loss: readonly (readonly number[])[];
}

const goldens = shippedFile('test', 'fixtures', 'builtin');
/** Columns of the logits in the golden file. */
const LOGIT_COLUMNS = 64;
const MIDDLE = 'blocks.2.hook_resid_post';

const largest = (values: Iterable<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe('the built-in language model', () => {
  let home: string;
  let golden: Golden;
  let model: LanguageModel;
  let file: SafetensorsFile;
  let sequences: Int32Array[];

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'ssae-builtin-'));
    golden = (await readJson(join(goldens, 'golden.json'))) as Golden;
    file = await SafetensorsFile.open(join(goldens, 'golden.safetensors'));
    model = await new ModelStore(new Home(home)).open('builtin');
    sequences = golden.ids.map((ids) => Int32Array.from(ids));
  });
  afterAll(async () => {
    await model[Symbol.asyncDispose]();
    await file[Symbol.asyncDispose]();
    await rm(home, { recursive: true, force: true });
  });

  it('describes itself', () => {
    const { name, layers, dModel, vocabulary, contextLength, hookPoints } = model.description;
    expect({ name, layers, dModel, vocabulary, contextLength }).toEqual({
      ...{ name: 'builtin', layers: 4, dModel: 256, vocabulary: 8192, contextLength: 256 },
    });
    expect(hookPoints.map((point) => point.name)).toEqual([
      'blocks.0.hook_resid_pre',
      ...[0, 1, 2, 3].flatMap((block) => [`blocks.${block}.hook_resid_mid`, `blocks.${block}.hook_resid_post`]),
    ]);
  });

  it("encodes the golden texts to PyTorch's ids", () => {
    expect(golden.texts.map((text) => [...model.encode(text).ids])).toEqual(golden.ids);
  });

  it("has PyTorch's stream at every hook point, in a padded batch", async () => {
    for (const { name } of model.description.hookPoints) {
      const rows = await model.activations(name, sequences);
      for (const [i, actual] of rows.entries()) {
        const expected = await file.float32(`${i}.${name}`);
        const error = largest(actual.map((value, j) => value - expected[j]!));
        expect(error / largest(expected), `${i}.${name}`).toBeLessThanOrEqual(1e-5);
      }
    }
  });

  it("has PyTorch's logits and losses", async () => {
    const [logits, losses] = [await model.logits(sequences), await model.losses(sequences)];
    for (const [i, { length }] of sequences.entries()) {
      const expected = await file.float32(`${i}.logits`);
      const actual = expected.map((_, j) => logits[i]![Math.floor(j / LOGIT_COLUMNS) * 8192 + (j % LOGIT_COLUMNS)]!);
      expect(largest(actual.map((value, j) => value - expected[j]!))).toBeLessThanOrEqual(1e-4);
      expect(losses[i]!.length).toBe(length - 1);
      golden.loss[i]!.forEach((loss, j) => {
        expect(losses[i]![j]).toBeCloseTo(loss, 3);
      });
    }
  });

  it('gives activations and losses of one run as of two', async () => {
    const both = await model.activationsAndLosses(MIDDLE, sequences);
    const [activations, losses] = [await model.activations(MIDDLE, sequences), await model.losses(sequences)];
    for (const i of sequences.keys()) {
      expect(largest(both.activations[i]!.map((value, j) => value - activations[i]![j]!))).toBeLessThan(0.01);
      expect(largest(both.losses[i]!.map((value, j) => value - losses[i]![j]!))).toBeLessThan(1e-4);
    }
  });

  it('does not diverge when nothing is changed, and does when the stream is ablated', async () => {
    const stream = await model.activations(MIDDLE, sequences);
    const losses = await model.losses(sequences);
    const unchanged = await model.splicedLosses(MIDDLE, sequences, stream);
    for (const [i, { crossEntropy, divergence }] of unchanged.entries()) {
      expect(largest(divergence)).toBeLessThan(1e-5);
      expect(largest(crossEntropy.map((value, j) => value - losses[i]![j]!))).toBeLessThan(1e-4);
    }
    const zeros = stream.map((rows) => new Float32Array(rows.length));
    for (const { divergence } of await model.splicedLosses(MIDDLE, sequences, zeros))
      expect(Math.min(...divergence)).toBeGreaterThan(0);
  });

  it('measures the divergence that the two distributions of its logits have', async () => {
    const ids = [sequences[0]!];
    const stream = await model.activations(MIDDLE, ids);
    const changed = stream.map((rows) => rows.map((value, i) => (i < 256 ? value : value * 0.5)));
    const [{ crossEntropy, divergence } = { crossEntropy: null, divergence: null }] = await model.splicedLosses(
      MIDDLE,
      ids,
      changed,
    );
    const [before] = await model.logits(ids);
    const [after] = await model.logits(ids, { hookPoint: MIDDLE, activations: changed });
    const logProbabilities = (logits: Float32Array, position: number): number[] => {
      const row = [...logits.subarray(position * 8192, (position + 1) * 8192)];
      const top = Math.max(...row);
      const logSum = top + Math.log(row.reduce((sum, value) => sum + Math.exp(value - top), 0));
      return row.map((value) => value - logSum);
    };
    for (let position = 0; position + 1 < ids[0]!.length; position++) {
      const [p, q] = [logProbabilities(before!, position), logProbabilities(after!, position)];
      const expected = p.reduce((sum, log, i) => sum + Math.exp(log) * (log - q[i]!), 0);
      expect(divergence![position]).toBeCloseTo(expected, 4);
      expect(crossEntropy![position]).toBeCloseTo(-q[ids[0]![position + 1]!]!, 4);
    }
  });

  it('unembeds with the rows of the token embedding, to which the logits are tied', async () => {
    const embedded = await model.activations('blocks.0.hook_resid_pre', [Int32Array.from([5, 4000, 8191])]);
    const effects = await model.unembed(embedded[0]!);
    for (const [row, id] of [5, 4000, 8191].entries()) {
      const own = embedded[0]!.subarray(row * 256, (row + 1) * 256).reduce((sum, value) => sum + value * value, 0);
      expect(effects[row * 8192 + id]! / own).toBeCloseTo(1, 4);
    }
  });

  it('answers a short request before a long one that was there first, and stops when it is told', async () => {
    const long = Array.from({ length: 400 }, () => Int32Array.from({ length: 256 }, (_, i) => i * 31));
    const order: string[] = [];
    const stop = new AbortController();
    const harvest = model.activations(MIDDLE, long, stop.signal).finally(() => order.push('long'));
    await model.activations(MIDDLE, [sequences[4]!]).then(() => order.push('short'));
    expect(order).toEqual(['short']);
    stop.abort();
    await expect(harvest).rejects.toThrow(Interrupted);
    expect(await model.activations(MIDDLE, [sequences[4]!])).toHaveLength(1);
  });

  it('refuses what it cannot run, and names the nearest hook point', async () => {
    await expect(model.activations('blocks.2.resid_post', sequences)).rejects.toThrow(
      /Nearest: blocks\.2\.hook_resid_post/,
    );
    await expect(model.activations(MIDDLE, [Int32Array.from([8192])])).rejects.toThrow(/8192/);
    await expect(model.activations(MIDDLE, [new Int32Array(257)])).rejects.toThrow(UsageError);
    await expect(model.splicedLosses(MIDDLE, sequences, [new Float32Array(3)])).rejects.toThrow(UsageError);
    expect(await model.activations(MIDDLE, [])).toEqual([]);
  });

  it('rejects what is asked once it is closed', async () => {
    const closing = await new ModelStore(new Home(home)).open('builtin', 1);
    const pending = closing.losses(sequences);
    await Promise.all([expect(pending).rejects.toThrow(/closed/), closing[Symbol.asyncDispose]()]);
    await expect(closing.losses(sequences)).rejects.toThrow(/closed/);
  });
});
