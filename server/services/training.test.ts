import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WorkError } from '../foundation/errors.ts';
import { Home } from '../foundation/home.ts';
import type { JobControl } from '../foundation/progress.ts';
import { FinetuneRequest, IngestRequest, TrainRequest } from '../protocol/requests.ts';
import type { Services } from './services.ts';
import { openServices } from './studio.ts';

const GIB = 2 ** 30;
const data = { kind: 'corpus', model: 'builtin', hookPoint: 'blocks.2.hook_resid_post', corpus: 'c' };

let folder = '';
let services: Services;
let stages: Set<string>;
const control: JobControl = {
  signal: new AbortController().signal,
  report: ({ stage }) => {
    stages.add(stage);
  },
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-training-'));
  services = openServices(new Home(join(folder, 'home')), { threads: 1 });
  const file = join(folder, 'a.txt');
  await writeFile(file, Array.from({ length: 60 }, (_, i) => `A whale at sea, number ${i}, blew once.`).join('\n\n'));
  stages = new Set();
  await services.ingest(IngestRequest.parse({ corpus: 'c', sources: [file], unit: 'paragraph' }), control);
});
afterAll(async () => {
  await services[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function refusal(work: () => Promise<unknown>): Promise<unknown> {
  stages = new Set();
  const error = await work().then(
    () => null,
    (reason: unknown) => reason,
  );
  // No model has read anything, and nothing is kept of what would have been read.
  expect([...stages]).toEqual([]);
  expect(await readdir(join(folder, 'home', 'cache', 'activations')).catch(() => [])).toEqual([]);
  return error;
}

describe('a run on text that would take more memory than it may', () => {
  it('is refused before a model reads the text: train', async () => {
    const request = { architecture: { kind: 'topk', k: 8 }, dSae: 1 << 20, output: join(folder, 'o'), memory: GIB };
    const error = await refusal(() => services.train(TrainRequest.parse({ data, ...request }), control));
    expect(error).toBeInstanceOf(WorkError);
    expect((error as Error).message).toMatch(/needs \d+\.\d+ GiB of memory, and --memory allows 1\.00 GiB: parameters/);
  });

  it('is refused before a model reads the text: finetune', async () => {
    const request = { from: 'builtin-gsae', output: join(folder, 'o'), memory: GIB / 64 };
    const error = await refusal(() => services.finetune(FinetuneRequest.parse({ data, ...request }), control));
    expect((error as Error).message).toMatch(/--memory allows 0\.016 GiB: parameters/);
  });
});

describe('a run on text that cannot be planned', () => {
  it('is refused before a model reads the text', async () => {
    const request = { architecture: { kind: 'topk', k: 80 }, dSae: 64, output: join(folder, 'o') };
    const error = await refusal(() => services.train(TrainRequest.parse({ data, ...request }), control));
    expect((error as Error).message).toMatch(/--k is 80 and --d-sae is 64/);
  });
});
