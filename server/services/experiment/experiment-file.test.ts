import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format } from 'prettier';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../foundation/errors.ts';
import { experimentJsonSchema } from '../../protocol/experiment.ts';
import { parseExperiment, readExperiment } from './experiment-file.ts';

const smallest = {
  corpus: 'village',
  seeds: { lichens: { files: ['seeds.txt'] } },
  arms: ['bm25'],
  evaluation: { domain: { corpus: 'held' } },
};

const partial = (trainLatents: string) => ({ mode: 'partial', training: { trainLatents } });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-experiment-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function refusal(content: unknown, name = 'x.ssae.json'): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  const error: unknown = await readExperiment(file).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UsageError);
  return (error as UsageError).message;
}

describe("an experiment's file", () => {
  it('may leave out all that has a default, and means the same wherever it is read again', async () => {
    const file = join(folder, 'my lichens.ssae.json');
    await writeFile(file, JSON.stringify({ ...smallest, corpora: { village: { sources: ['a.txt', 'b/*.txt'] } } }));
    const { experiment } = await readExperiment(file);
    expect(parseExperiment({ ...smallest, ...partial('dead') }, file).training.trainLatents).toBe('dead');
    expect(parseExperiment({ ...smallest, ...partial('f.txt') }, file).training.trainLatents).toBe(
      join(folder, 'f.txt'),
    );
    expect(experiment).toMatchObject({
      ...{ name: 'my-lichens', dictionary: 'builtin-gsae', objectives: [{ kind: 'erm' }], randomSeeds: [0] },
      ...{ controls: true, corpora: { village: { sources: [join(folder, 'a.txt'), `${folder}/b/*.txt`] } } },
      seeds: { lichens: { files: [join(folder, 'seeds.txt')] } },
    });
    expect(parseExperiment(JSON.parse(JSON.stringify(experiment)), '/elsewhere/y.ssae.json')).toEqual(experiment);
  });

  it.each([
    [{ evaluaton: {} }, 'evaluaton is no setting; expected one of: ', 'Nearest: evaluation'],
    [
      { training: { tokns: 5 } },
      'training.tokns is no setting; expected in training one of: tokens',
      'Nearest: tokens',
    ],
    [{ objectives: [{ kind: 'term', tua: 1 }] }, 'objectives[0].tua is no setting', 'Nearest: tau'],
    [{ arms: ['bm52'] }, 'arms[0] is "bm52"; expected one of: bm25, dense', 'Nearest: bm25'],
    [{ objectives: [{ kind: 'terms' }] }, 'objectives[0].kind is "terms"; expected one of: erm, term', 'Nearest: term'],
    [{ objectives: [{ kind: 'term' }] }, 'objectives[0] is {"kind":"term"}', 'exactly one of "tau", "tilt" and "ess"'],
    [{ randomSeeds: [1, 1] }, 'randomSeeds is [1,1]', 'comes twice'],
    [{ selection: { tokens: '100' } }, 'selection.tokens is "100"', 'expected number'],
    [{ selection: { tokens: 0.5 } }, 'selection.tokens is 0.5', 'expected int'],
    [{ corpus: undefined }, 'corpus is missing', 'expected string'],
    [{ seeds: {} }, 'seeds is {}', 'at least one seed set'],
    [{ seeds: { a: {} } }, 'seeds.a is {}', 'give "files", "texts" or "stored"'],
    [{ mode: 'residul' }, 'mode is "residul"', 'Nearest: residual'],
    [{ mode: 'residual' }, 'training.residualFeatures is missing', 'needs the number of features that are added'],
    [{ sweep: { mode: ['finetune', 'partial'] } }, 'training.trainLatents is missing', '"dead", or a file'],
    [{ training: { residualFeatures: 8 } }, 'training.residualFeatures is 8', 'applies to mode "residual"'],
    [{ sweep: { mixShare: [0, 0.5] } }, 'training.mix is missing', 'needs a corpus to mix in'],
    [{ training: { mix: { corpus: 'held', share: 0.5 } } }, 'training.mix.corpus is "held"', 'trained on the same'],
    [{ training: { mix: { corpus: 'sea', share: 1 } } }, 'training.mix.share is 1', '0.95'],
  ])('with %j is refused: the value, and the nearest that is right', async (change, place, expected) => {
    const message = await refusal({ ...smallest, ...change });
    expect(message).toContain(place);
    expect(message).toContain(expected);
  });

  it('is never read from names that lead out of the run folder', async () => {
    for (const name of ['../up', 'a/b', '..', '.hidden', 'C:\\x', '', 'x'.repeat(61), 'nul\u0000'])
      expect(await refusal({ ...smallest, name })).toContain('name is ');
    for (const key of ['../up', 'a/b', '__proto__', 'constructor '])
      expect(await refusal(`{"seeds": {"${key}": {"texts": ["a"]}}, "arms": ["bm25"], "corpus": "c"}`)).toMatch(
        /seeds.*(cannot be a name|at least one)/,
      );
  });

  it('that is hostile is refused before it is worked on', async () => {
    expect(await refusal('['.repeat(200_000) + ']'.repeat(200_000))).toContain('levels deep');
    expect(await refusal(' '.repeat(8 * 2 ** 20 + 1))).toContain('bytes; at most');
    expect(await refusal('{"name": ')).toContain('is not valid JSON');
    for (const value of ['null', '3', '"x"', '[]']) expect(await refusal(value)).toContain('the file is ');
    expect(await refusal({ ...smallest, kind: 'shift' })).toContain('of the kind "shift"');
    const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, i]));
    expect((await refusal({ ...smallest, ...wide })).length).toBeLessThan(10_000);
    await expect(readExperiment(folder)).rejects.toThrow('is not a file');
    await expect(readExperiment(join(folder, 'none.ssae.json'))).rejects.toThrow('does not exist');
  });
});

describe('the JSON schema that the editor uses', () => {
  it('is media/experiment.schema.json, made anew with: npx vitest run server/services/experiment/experiment-file.test.ts -u', async () => {
    const text = await format(JSON.stringify(experimentJsonSchema()), { parser: 'json', printWidth: 120 });
    await expect(text).toMatchFileSnapshot('../../../media/experiment.schema.json');
  });

  it('describes every setting and closes every object', () => {
    const visit = (schema: unknown, place: string): void => {
      if (schema === null || typeof schema !== 'object') return;
      if ('properties' in schema) {
        expect([place, (schema as { additionalProperties?: unknown }).additionalProperties]).toEqual([place, false]);
        for (const [key, inner] of Object.entries(schema.properties as Record<string, { description?: string }>))
          expect([`${place}.${key}`, inner.description]).toEqual([`${place}.${key}`, expect.any(String)]);
      }
      for (const [key, inner] of Object.entries(schema)) visit(inner, `${place}.${key}`);
    };
    visit(experimentJsonSchema(), '');
  });
});
