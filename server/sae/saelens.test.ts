import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { referenceEngine } from '../../test/reference/engine.ts';
import { computedBySaeLens, saeLensAbsent } from '../../test/saelens-peer.ts';
import { buildParameters } from '../compute/engine.ts';
import { WorkError } from '../foundation/errors.ts';
import { readJson } from '../foundation/files.ts';
import { packageRoot } from '../foundation/package-root.ts';
import { Random } from '../foundation/random.ts';
import { SafetensorsFile } from '../foundation/safetensors.ts';
import { Architecture } from '../protocol/architectures.ts';
import { familyOf } from './architectures/families.ts';
import { reconstruct } from './reconstruct.ts';
import { readSaeLens, writeSaeLens, type SaeLensDictionary } from './saelens.ts';

const shared = join(packageRoot, '..', 'shared', 'fixtures');
const unlessAbsent = existsSync(shared) ? '' : ' (skipped: no shared/ fixtures)';

const GOLDENS = [
  'saelens-standard',
  'saelens-standard-bfloat16',
  'saelens-standard-no-bdec',
  'saelens-topk',
  'saelens-topk-rescale',
  'saelens-topk-rescale-folded',
  'saelens-v5-standard',
  'saelens-v5-topk',
  'saelens-v3-flat',
  'saelens-checkpoint-expected-average',
  'saelens-final-expected-average',
  'saelens-jumprelu',
  'saelens-jumprelu-no-bdec',
  'saelens-batchtopk',
  'saelens-batchtopk-no-rescale',
  'saelens-matryoshka-batchtopk',
  'saelens-checkpoint-batchtopk',
  'saelens-final-whitening',
  'saelens-gated',
  'saelens-v5-gated',
  'saelens-transcoder',
  'saelens-skip-transcoder',
  'saelens-jumprelu-transcoder',
  'saelens-jumprelu-skip-transcoder',
];
const UNSUPPORTED = {
  'saelens-standard-layer-norm': /normalize_activations "layer_norm" is not supported; supported: /,
  'saelens-standard-constant-norm': /normalize_activations "constant_norm_rescale" is not supported/,
  'saelens-topk-no-bdec-constant-norm': /normalize_activations "constant_norm_rescale" is not supported/,
  'saelens-checkpoint-whitening': /normalize_activations "covariance_whitening" is not supported/,
  'saelens-hook-z': /reshape_activations "hook_z" is not supported/,
  'saelens-jumprelu-layer-norm': /normalize_activations "layer_norm" is not supported/,
  'saelens-transcoder-layer-norm': /normalize_activations "layer_norm" is not supported/,
  'saelens-abstopk': /architecture "abstopk" is not supported/,
};
const LOADS = ['cfg-traversal-names', 'cfg-nan-literal'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-saelens-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function run(
  { shape, parameters }: SaeLensDictionary,
  input: Float32Array,
): Promise<{ features: Float32Array; reconstruction: Float32Array }> {
  await using engine = await referenceEngine.dictionary(shape, parameters);
  const sparse = await engine.encode(input);
  const features = new Float32Array((input.length / shape.dIn) * shape.dSae);
  for (let row = 0; row + 1 < sparse.offsets.length; row++)
    for (let at = sparse.offsets[row]!; at < sparse.offsets[row + 1]!; at++)
      features[row * shape.dSae + sparse.features[at]!] = sparse.values[at]!;
  return { features, reconstruction: await reconstruct(engine, parameters, sparse, input) };
}

interface Ties {
  readonly ties?: readonly { readonly row: number; readonly features: readonly number[] }[];
  readonly tolerance: { readonly rtol: number };
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** The rule of the fixtures' README, row by row; tied features are compared as a set. */
function expectRowsClose(
  got: Float32Array,
  want: Float32Array,
  input: Float32Array,
  golden: Ties,
  isFeatures: boolean,
): void {
  const rows = 7;
  const width = want.length / rows;
  for (let row = 0; row < rows; row++) {
    const tied = isFeatures ? (golden.ties ?? []).filter((tie) => tie.row === row).flatMap((tie) => tie.features) : [];
    const rowOf = (values: Float32Array): Float32Array => {
      const copy = values.slice(row * width, (row + 1) * width);
      const sorted = tied.map((feature) => copy[feature]!).sort((a, b) => a - b);
      tied.forEach((feature, i) => (copy[feature] = sorted[i]!));
      return copy;
    };
    const [mine, theirs] = [rowOf(got), rowOf(want)];
    const scale = Math.max(largest(theirs), largest(input.slice(row * 16, row * 16 + 16)), 1e-3);
    expect(largest(mine.map((value, i) => value - theirs[i]!))).toBeLessThanOrEqual(golden.tolerance.rtol * scale);
    if (isFeatures) expect(mine.map(Math.sign)).toEqual(theirs.map(Math.sign));
  }
}

describe.skipIf(unlessAbsent !== '')(`a SAELens folder${unlessAbsent}`, () => {
  it.each(GOLDENS)('%s computes what SAELens computes', async (name) => {
    await using file = await SafetensorsFile.open(join(shared, 'saes', name, 'golden.safetensors'));
    const golden = (await readJson(join(shared, 'saes', name, 'golden.json'))) as Ties;
    const input = await file.float32('input');
    const { features, reconstruction } = await run(await readSaeLens(join(shared, 'saes', name, 'sae')), input);
    expectRowsClose(features, await file.float32('feature_acts'), input, golden, true);
    expectRowsClose(reconstruction, await file.float32('reconstruction'), input, golden, false);
  });

  it.each(Object.entries(UNSUPPORTED))('%s is refused by the name of what is not supported', async (name, message) => {
    await expect(readSaeLens(join(shared, 'saes', name, 'sae'))).rejects.toThrow(message);
  });

  it('that is broken or hostile is refused with a message that names the file', async () => {
    const cases = (await readdir(join(shared, 'saes-malformed'))).filter((name) => /^(st|cfg)-/.test(name));
    expect(cases.length).toBeGreaterThan(30);
    for (const name of cases) {
      const path = join(shared, 'saes-malformed', name, 'sae');
      const outcome = await readSaeLens(path).catch((error: unknown) => error);
      if (LOADS.includes(name)) expect(outcome, name).not.toBeInstanceOf(Error);
      else {
        expect(outcome, name).toBeInstanceOf(WorkError);
        expect((outcome as Error).message, name).toContain(path);
      }
    }
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('shape');
  });

  it.each([
    ['st-nan-weights', /W_enc" holds 1 NaN or infinite value; the dictionary is damaged/],
    ['st-transposed', /"W_enc" is \[16, 8\], expected \[8, 16\].*transposed/],
    ['st-overlap', /overlap/],
    ['st-duplicate-key', /a tensor is named twice/],
    ['st-proto-key', /unexpected tensors: .*__proto__/],
    ['cfg-k-string', /k is "six"; a whole number from 1 to d_sae/],
    ['cfg-k-missing', /has no k/],
    ['cfg-width-1e15', /expected \[8, 1000000000000000\]/],
    ['cfg-no-scaler', /unfinished checkpoint/],
    ['cfg-utf16', /not UTF-8/],
  ])('%s says what is wrong', async (name, message) => {
    await expect(readSaeLens(join(shared, 'saes-malformed', name, 'sae'))).rejects.toThrow(message);
  });
});

const REQUESTS: Readonly<Record<string, object>> = {
  topk: { kind: 'topk', k: 6 },
  batchtopk: { kind: 'batchtopk', k: 6 },
  'batchtopk rescaled': { kind: 'batchtopk', k: 6, rescaledByDecoderNorm: true },
  matryoshka: { kind: 'matryoshka', k: 6, prefixes: { kind: 'widths', widths: [12, 48] } },
  relu: { kind: 'relu', l1: 0.25, penalty: 'plain' },
  jumprelu: { kind: 'jumprelu', penalty: { kind: 'tanh', coefficient: 0.25, scale: 2 }, straightThroughToInput: true },
  gated: { kind: 'gated', l1: 0.25 },
  transcoder: { kind: 'transcoder', features: { kind: 'relu', l1: 0.25 } },
  'skip transcoder': { kind: 'transcoder', features: { kind: 'batchtopk', k: 6 }, skip: true },
  'jumprelu skip transcoder': { kind: 'transcoder', features: { kind: 'jumprelu' }, skip: true },
};

/** A dictionary as training stores it. */
function made(request: object, seed: number): SaeLensDictionary {
  const random = new Random(seed);
  const trainedAs = Architecture.parse(request);
  const transcodes = trainedAs.kind === 'transcoder';
  const family = familyOf(trainedAs);
  const trained = family.shape(trainedAs, { dIn: 16, dOut: transcodes ? 20 : 16, dSae: 48 });
  const drawn = buildParameters(trained, (name, length) =>
    Float32Array.from({ length }, () => 0.3 * (name === 'threshold' ? random.uniform() : random.normal())),
  );
  const { shape, parameters } = family.stored({ shape: trained, parameters: drawn }, 0.25);
  return {
    shape: {
      ...shape,
      unitNormDecoder: 'rescaledByDecoderNorm' in trained.architecture && trained.architecture.rescaledByDecoderNorm,
    },
    parameters,
    ...('l1' in trainedAs ? { sparsityCoefficient: 0.25 } : {}),
    trainedAs,
    ...(transcodes ? { transcoder: { hookPoint: 'blocks.1.hook_mlp_out' } } : {}),
    origin: { model: 'builtin', modelHash: 'abc', hookPoint: 'blocks.1.hook_resid_post', contextLength: 128 },
  };
}

describe('a dictionary', () => {
  it.each(Object.entries(REQUESTS))('of kind %s is read back bit for bit', async (_, request) => {
    const dictionary = made(request, 3);
    await writeSaeLens(folder, dictionary, 'float32');
    expect(await readSaeLens(folder)).toEqual(dictionary);
  });

  it('stored as float16 is read back to one part in 2,048', async () => {
    const dictionary = made(REQUESTS['topk']!, 4);
    await writeSaeLens(folder, dictionary, 'float16');
    const { parameters } = await readSaeLens(folder);
    parameters.encoder.forEach((value, i) => {
      const want = dictionary.parameters.encoder[i]!;
      expect(Math.abs(value - want)).toBeLessThanOrEqual(Math.abs(want) / 2048 + 2 ** -24);
    });
  });

  it('with a weight that float16 cannot hold is not stored as float16', async () => {
    const dictionary = made(REQUESTS['topk']!, 5);
    dictionary.parameters.decoderBias[0] = 1e6;
    await expect(writeSaeLens(folder, dictionary, 'float16')).rejects.toThrow(/too large for float16/);
  });
});

describe.skipIf(saeLensAbsent !== '')(`SAELens 6.54.12${saeLensAbsent}`, () => {
  it('loads a written folder without conversion and computes the same', { timeout: 300_000 }, async () => {
    const random = new Random(9);
    const input = Float32Array.from({ length: 64 * 16 }, () => 2 * random.normal());
    const dictionaries = Object.entries(REQUESTS).map(([name, request], i) => ({
      folder: join(folder, name),
      dictionary: made(request, 7 + i),
      storage: i % 2 === 0 ? ('float32' as const) : ('float16' as const),
    }));
    for (const { folder, dictionary, storage } of dictionaries) {
      await mkdir(folder, { recursive: true });
      await writeSaeLens(folder, dictionary, storage);
    }
    const folders = dictionaries.map((each) => each.folder);
    for (const [i, theirs] of (await computedBySaeLens(folders, input, 16)).entries()) {
      const mine = await run(await readSaeLens(folders[i]!), input);
      for (const name of ['features', 'reconstruction'] as const) {
        const want = theirs[name];
        expect(largest(mine[name].map((value, at) => value - want[at]!))).toBeLessThan(1e-5 * largest(want));
      }
    }
  });
});
