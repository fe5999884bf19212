import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Home } from '../foundation/home.ts';
import { unwatched } from '../foundation/progress.ts';
import { FeatureRequest, SearchFeaturesRequest, SteerRequest } from '../protocol/feature-pages.ts';
import { ExportDictionaryRequest, InspectRequest } from '../protocol/requests.ts';
import { TextFeaturesRequest } from '../protocol/token-readings.ts';
import { Resources } from './resources.ts';
import type { Services } from './services.ts';
import { openServices } from './studio.ts';

const dictionary = 'builtin-gsae';
let folder: string;
let services: Services;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-services-'));
  services = openServices(new Home(folder));
});
afterAll(async () => {
  await services[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

describe('features of the built-in dictionary', () => {
  it('carry a label wherever they show, and lose it again', async () => {
    const label = (text: string | null) => services.labelFeature({ dictionary, feature: 412, label: text });
    await label('words that begin with inv');
    const search = SearchFeaturesRequest.parse({ dictionary, query: 'BEGIN inv' });
    expect(await services.searchFeatures(search)).toMatchObject([{ feature: 412, label: 'words that begin with inv' }]);
    expect((await services.feature(FeatureRequest.parse({ dictionary, feature: 412 }), unwatched)).label).toMatch(
      /inv/,
    );
    const inspected = await services.inspect(
      InspectRequest.parse({ dictionary, text: 'an invitation', features: [412] }),
      unwatched,
    );
    expect(inspected.tokens.flatMap(({ features }) => features)[0]).toMatchObject({ label: /inv/ });
    const output = join(folder, 'exported');
    await services.exportDictionary(ExportDictionaryRequest.parse({ dictionary, format: 'sae_lens', output }));
    const exported = await services.searchFeatures(SearchFeaturesRequest.parse({ dictionary: output, query: 'inv' }));
    expect(exported.map(({ feature }) => feature)).toEqual([412]);
    await label(null);
    expect(await services.searchFeatures(search)).toEqual([]);
  });

  it('have densities, on average those of k features a token', async () => {
    const { densityTokens, k, dSae } = await services.showDictionary(dictionary);
    expect(densityTokens).toBe(1_000_001);
    const all = await services.searchFeatures(SearchFeaturesRequest.parse({ dictionary, query: '412' }));
    expect(all[0]!.density).toBeGreaterThan(0);
    await using resources = new Resources(new Home(folder), 1);
    const { shares } = (await resources.dictionaries.load(dictionary)).densities!;
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(k!, 2);
    expect(shares).toHaveLength(dSae);
  });

  it('are found by a text that they fire on', async () => {
    const request = TextFeaturesRequest.parse({ dictionary, text: 'an invitation to the inventor', limit: 10 });
    const { features, formula } = await services.textFeatures(request, unwatched);
    expect(formula).toContain('density');
    expect(features.map(({ feature }) => feature)).toContain(412);
  });
});

describe('steering the built-in model', () => {
  const request = SteerRequest.parse({ dictionary, feature: 412, strength: 800, prompt: 'The heat of', tokens: 8 });

  it('continues without the feature as the model does, computed here from its unpatched logits', async () => {
    const { without } = await services.steer(request, unwatched);
    await using resources = new Resources(new Home(folder), 1);
    const model = await resources.model('builtin');
    const ids = [...model.encode(request.prompt).ids];
    const start = ids.length;
    for (let step = 0; step < request.tokens; step++) {
      const [logits] = await model.logits([Int32Array.from(ids)]);
      const last = logits!.subarray(logits!.length - logits!.length / ids.length);
      ids.push(last.indexOf(last.reduce((most, value) => Math.max(most, value), -Infinity)));
    }
    expect(without).toBe(model.decode(ids.slice(start)));
  });

  it('moves the prompt’s predictions as far as the model’s own spliced losses say', async () => {
    const { divergence, with: steered, without } = await services.steer(request, unwatched);
    expect(steered).not.toBe(without);
    await using resources = new Resources(new Home(folder), 1);
    const { model, hookPoint, dictionary: loaded } = await resources.inspectable(dictionary);
    const { ids, special } = model.encode(request.prompt);
    // One token more, so that the last of the prompt has a prediction to compare.
    const longer = Int32Array.from([...ids, 1]);
    const [rows] = await model.activations(hookPoint, [longer]);
    const { dIn } = loaded.shape;
    const direction = loaded.parameters.decoder.subarray(412 * dIn, 413 * dIn);
    const patched = rows!.map((value, at) => {
      const position = Math.floor(at / dIn);
      return position >= ids.length || special[position] === 1 ? value : value + 800 * direction[at % dIn]!;
    });
    const [spliced] = await model.splicedLosses(hookPoint, [longer], [patched]);
    const ordinary = [...spliced!.divergence].filter((_, position) => special[position] !== 1);
    expect(divergence).toBeCloseTo(ordinary.reduce((sum, value) => sum + value, 0) / ordinary.length, 4);
  });
});
