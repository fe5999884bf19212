import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Home } from '../foundation/home.ts';
import { unwatched } from '../foundation/progress.ts';
import { shippedFile } from '../foundation/package-root.ts';
import { FinetuneRequest } from '../protocol/requests.ts';
import { Resources } from './resources.ts';
import { finetune } from './training.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-services-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('what services share', () => {
  it('holds a dictionary once, also for two who ask at the same moment', async () => {
    await using resources = new Resources(new Home(folder), 1);
    const dictionary = await resources.dictionaries.load('builtin-gsae');
    const [one, other] = await Promise.all([resources.held(dictionary), resources.held(dictionary)]);
    expect(one).toBe(other);
  });

  it('makes room for a dictionary that is asked for after many others, and holds it again when asked', async () => {
    await using resources = new Resources(new Home(folder), 1);
    const dictionary = await resources.dictionaries.load('builtin-gsae');
    const first = await resources.held(dictionary);
    for (let i = 0; i < 6; i++) await resources.held({ ...dictionary, contentHash: `copy ${i}` });
    const again = await resources.held(dictionary);
    expect(again).not.toBe(first);
    expect((await again.encode(new Float32Array(dictionary.shape.dIn))).offsets).toHaveLength(2);
  });
});

describe('a dictionary made for another model', () => {
  it.each([
    [
      'that is not here',
      { model: 'pythia-70m', modelHash: null },
      /elsewhere was trained on model pythia-70m, which is not here; add it: ssae model add SOURCE --as pythia-70m$/,
    ],
    [
      'of the same name',
      { modelHash: 'ab'.repeat(32) },
      /elsewhere was trained on model builtin with content abababababab; the model of that name here has 1b26619dbbff/,
    ],
    [
      'of another width, with no hash noted',
      { model: shippedFile('test', 'fixtures', 'models', 'gpt2'), modelHash: null },
      /elsewhere reads activations of width 256, but model .*gpt2 has width \d+/,
    ],
  ])('is refused, and the model that is needed is named: one %s', async (_what, origin, told) => {
    await using resources = new Resources(new Home(folder), 1);
    const own = await resources.dictionaries.load('builtin-gsae');
    const foreign = { ...own, name: 'elsewhere', origin: { ...own.origin, ...origin } };
    vi.spyOn(resources.dictionaries, 'load').mockResolvedValue(foreign);
    await expect(resources.inspectable('elsewhere')).rejects.toThrow(told);
  });
});

describe('finetuning', () => {
  it('refuses text read by another model than the dictionary was trained on, though the hook point has the same name', async () => {
    await using resources = new Resources(new Home(folder), 1);
    const model = shippedFile('test', 'fixtures', 'models', 'gpt2');
    const request = FinetuneRequest.parse({
      ...{ from: 'builtin-gsae', output: 'never' },
      data: { kind: 'corpus', model, hookPoint: 'blocks.2.hook_resid_post', corpus: 'none' },
    });
    await expect(finetune(request, resources, unwatched)).rejects.toThrow(
      /builtin-gsae was trained on model builtin \(content 1b26619dbbff/,
    );
  });
});
