import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Interrupted } from '../foundation/errors.ts';
import { Home } from '../foundation/home.ts';
import { unwatched, type JobControl } from '../foundation/progress.ts';
import { writeSafetensors } from '../foundation/safetensors.ts';
import type { TrainingPoint } from '../foundation/training-point.ts';
import { Random } from '../foundation/random.ts';
import { FinetuneRequest, HarvestRequest, IngestRequest, TrainRequest } from '../protocol/requests.ts';
import { gpuShortfall } from '../compute/webgpu/predicted-memory.ts';
import { gpuStepOf } from '../train/engine-succession.ts';
import { ModelTail } from '../train/model-tail.ts';
import { planTraining } from '../train/training-plan.ts';
import { Resources } from './resources.ts';
import type { Services } from './services.ts';
import { openServices } from './studio.ts';

const HOOK = 'blocks.2.hook_resid_post';
const STEPS = 12;
const BATCH = 64;
const data = { kind: 'corpus', model: 'builtin', hookPoint: HOOK, corpus: 'c' };

let folder = '';
let services: Services;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-end-to-end-'));
  services = openServices(new Home(join(folder, 'home')), { threads: 1 });
  const file = join(folder, 'a.txt');
  const texts = Array.from(
    { length: 80 },
    (_, i) => `A whale at sea, number ${i}, blew ${i * i} times before it dived again.`,
  );
  await writeFile(file, texts.join('\n\n'));
  await services.ingest(IngestRequest.parse({ corpus: 'c', sources: [file], unit: 'paragraph' }), unwatched);
});
afterAll(async () => {
  await services[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const requestOf = (output: string, changes: Record<string, unknown> = {}): TrainRequest =>
  TrainRequest.parse({
    ...{ data, architecture: { kind: 'topk', k: 4 }, dSae: 48, batch: BATCH, tokens: BATCH * STEPS },
    ...{ divergence: { coefficient: 1, share: 0.5 }, engine: 'cpu', threads: 1, seed: 3, checkpointEverySteps: 5 },
    ...{ output: join(folder, output), ...changes },
  });

const weights = (output: string): Promise<Buffer> => readFile(join(folder, output, 'sae_weights.safetensors'));

async function pointsOf(output: string): Promise<TrainingPoint[]> {
  return JSON.parse(await readFile(join(folder, output, 'history.json'), 'utf8')) as TrainingPoint[];
}

/** Asks to stop once a step was done. */
function stoppingAfter(step: number): JobControl {
  const stop = new AbortController();
  return {
    signal: stop.signal,
    report: ({ point }) => {
      if ((point?.step ?? 0) >= step) stop.abort();
    },
  };
}

const refusalOf = (request: TrainRequest): Promise<string> =>
  services.train(request, unwatched).then(
    () => 'nothing was refused',
    (error: unknown) => (error as Error).message,
  );

describe('a run with the model’s divergence in its last steps', () => {
  it.each(['cpu', 'wasm', 'tensorflow'])(
    'has it in the history of these steps alone, and in its record: %s',
    async (engine) => {
      const { divergence } = await services.train(requestOf(`plain-${engine}`, { engine }), unwatched);
      const points = await pointsOf(`plain-${engine}`);
      expect(divergence).toEqual({ coefficient: 1, steps: 6, value: points.at(-1)!.divergence });
      expect(points.filter(({ divergence }) => divergence !== undefined).map(({ step }) => step)).toEqual([
        7, 8, 9, 10, 11, 12,
      ]);
      expect(points.every(({ divergence = 1 }) => divergence > 0 && Number.isFinite(divergence))).toBe(true);
      const manifest = await readFile(join(folder, `plain-${engine}`, 'manifest.json'), 'utf8');
      expect(JSON.parse(manifest)).toMatchObject({ config: { plan: { divergence: { coefficient: 1, fromStep: 6 } } } });
    },
  );

  it('goes on from a checkpoint within these steps to the same bits', async () => {
    await services.train(requestOf('whole'), unwatched);
    const stopped = services.train(requestOf('stopped'), stoppingAfter(8));
    await expect(stopped).rejects.toBeInstanceOf(Interrupted);
    await services.train(requestOf('stopped', { resume: true }), unwatched);
    expect(await weights('stopped')).toEqual(await weights('whole'));
    expect(await pointsOf('stopped')).toEqual(await pointsOf('whole'));
    const without = await services.train(requestOf('without', { divergence: undefined }), unwatched);
    expect(without.divergence).toBeNull();
    expect(await weights('without')).not.toEqual(await weights('whole'));
  });

  it('reads the model that a harvested folder names', async () => {
    const output = join(folder, 'shards');
    const text = { kind: 'corpus', corpus: 'c' };
    await services.harvest(HarvestRequest.parse({ model: 'builtin', hookPoint: HOOK, text, output }), unwatched);
    await services.train(requestOf('harvested', { data: { kind: 'activations', file: output } }), unwatched);
    expect((await pointsOf('harvested')).at(-1)!.divergence).toBeGreaterThan(0);
  });

  it('finetunes with it, also beside a dictionary that stays', async () => {
    await services.train(requestOf('relu', { architecture: { kind: 'relu', l1: 1 } }), unwatched);
    for (const mode of ['finetune', 'residual'] as const) {
      const { data: text, tokens, batch, divergence, engine, seed, output } = requestOf(mode);
      const added = mode === 'residual' ? { residualFeatures: 8 } : {};
      const shared = { data: text, tokens, batch, divergence, engine, seed, output, ...added };
      const request = { ...shared, from: join(folder, 'relu'), mode };
      await services.finetune(FinetuneRequest.parse(request), unwatched);
      expect((await pointsOf(mode)).at(-1)!.divergence).toBeGreaterThan(0);
    }
  });

  it('keeps a run that chooses its engine itself from the GPU, with the reason', () => {
    const shortfall = (changes: Record<string, unknown>): string | null =>
      gpuShortfall(gpuStepOf(planTraining(requestOf('o', changes), { dIn: 256 }, 700)), 'a GPU', 2 ** 30);
    expect(shortfall({ engine: 'auto' })).toBe('it takes no slopes from outside, which --kl needs');
    expect(shortfall({ engine: 'auto', divergence: undefined })).toBeNull();
  });

  it('is refused, before anything is harvested, where it cannot be had', async () => {
    expect(await refusalOf(requestOf('o', { engine: 'webgpu' }))).toMatch(/--engine webgpu, which takes no slopes/);
    const file = join(folder, 'rows.safetensors');
    await writeSafetensors(file, { activations: { dtype: 'F32', shape: [8, 256], data: new Float32Array(8 * 256) } });
    expect(await refusalOf(requestOf('o', { data: { kind: 'activations', file } }))).toMatch(
      /names no model and no passages/,
    );
    expect(await refusalOf(requestOf('o', { microBatch: 16 }))).toMatch(/passages are not cut into pieces/);
    const transcoder = {
      architecture: { kind: 'transcoder', features: { kind: 'relu' } },
      data: { ...data, targetHookPoint: HOOK },
    };
    expect(await refusalOf(requestOf('o', transcoder))).toMatch(/a transcoder reconstructs another place/);
    const elsewhere = { data: { ...data, hookPoint: 'blocks.2.hook_mlp_out' } };
    expect(await refusalOf(requestOf('o', elsewhere))).toMatch(/expected a hook point of the residual stream/);
  });
});

describe('the divergence of passages', () => {
  it('has the slopes that differences have, behind the special tokens that rows leave out', async () => {
    await using resources = new Resources(new Home(join(folder, 'home')), 1);
    const model = await resources.model('builtin');
    const tail = await ModelTail.open(model, HOOK);
    const texts = ['The whale dived.', 'It blew once more at dawn.'].map((text) => model.encode(text));
    const streams = await model.activations(
      HOOK,
      texts.map(({ ids }) => ids),
    );
    const own = streams.map((rows, i) => rows.subarray(texts[i]!.special.indexOf(0) * 256));
    const x = Float32Array.from(own.flatMap((rows) => [...rows]));
    const lengths = own.map((rows) => rows.length / 256);
    const random = new Random(2);
    const size = Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length);
    const replaced = x.map((value) => value + 0.3 * size * (random.uniform() - 0.5));
    const { value, slopes } = await tail.divergence(x, replaced, lengths);
    const norm = Math.sqrt(slopes.reduce((sum, slope) => sum + slope * slope, 0));
    const moved = async (by: number): Promise<number> =>
      (
        await tail.divergence(
          x,
          replaced.map((each, i) => each + (by * slopes[i]!) / norm),
          lengths,
        )
      ).value;
    let worst = Infinity;
    for (const step of [0.1, 0.03, 0.01].map((share) => share * size)) {
      const near = (await moved(step)) - (await moved(-step));
      const far = (await moved(2 * step)) - (await moved(-2 * step));
      worst = Math.min(worst, Math.abs((8 * near - far) / (12 * step) - norm) / norm);
    }
    expect(worst).toBeLessThan(3e-3);
    const spliced = await model.splicedLosses(
      HOOK,
      texts.map(({ ids }) => ids),
      streams.map((rows, i) => {
        const all = rows.slice();
        all.set(
          replaced.subarray(i === 0 ? 0 : own[0]!.length).subarray(0, own[i]!.length),
          rows.length - own[i]!.length,
        );
        return all;
      }),
    );
    // `splicedLosses` leaves out the last position of each, which predicts nothing.
    const known = spliced.reduce((sum, { divergence }) => sum + divergence.reduce((a, b) => a + b, 0), 0);
    expect(value * (lengths[0]! + lengths[1]!)).toBeGreaterThan(known);
    expect(value * (lengths[0]! + lengths[1]!)).toBeLessThan(2 * known);
  });
});
