import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { referenceEngine } from '../../test/reference/engine.ts';
import { WorkError } from '../foundation/errors.ts';
import { readJson } from '../foundation/files.ts';
import { packageRoot } from '../foundation/package-root.ts';
import { Random } from '../foundation/random.ts';
import { SafetensorsFile, writeSafetensors } from '../foundation/safetensors.ts';
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
];
const UNSUPPORTED = {
  'saelens-standard-layer-norm': /normalize_activations "layer_norm" is not supported; supported: /,
  'saelens-standard-constant-norm': /normalize_activations "constant_norm_rescale" is not supported/,
  'saelens-topk-no-bdec-constant-norm': /normalize_activations "constant_norm_rescale" is not supported/,
  'saelens-checkpoint-whitening': /normalize_activations "covariance_whitening" is not supported/,
  'saelens-hook-z': /reshape_activations "hook_z" is not supported/,
  'saelens-jumprelu': /architecture "jumprelu" is not supported; supported: standard, topk/,
  'saelens-gated': /architecture "gated" is not supported/,
  'saelens-v5-gated': /architecture "gated" is not supported/,
  'saelens-transcoder': /architecture "transcoder" is not supported/,
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
  return { features, reconstruction: await engine.decode(sparse) };
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

function made(kind: 'topk' | 'relu', seed: number): SaeLensDictionary {
  const random = new Random(seed);
  const draw = (length: number, scale: number): Float32Array =>
    Float32Array.from({ length }, () => scale * random.normal());
  return {
    shape: {
      ...{ dIn: 16, dSae: 48, applyDecoderBiasToInput: true, unitNormDecoder: false },
      architecture: kind === 'topk' ? { kind, k: 6 } : { kind, penalty: 'plain' },
    },
    parameters: {
      encoder: draw(48 * 16, 0.3),
      encoderBias: draw(48, 0.1),
      decoder: draw(48 * 16, 0.3),
      decoderBias: draw(16, 1),
    },
    ...(kind === 'relu' ? { sparsityCoefficient: 0.25 } : {}),
    origin: { model: 'builtin', modelHash: 'abc', hookPoint: 'blocks.1.hook_resid_post', contextLength: 128 },
  };
}

describe('a dictionary', () => {
  it.each(['topk', 'relu'] as const)('of kind %s is read back bit for bit', async (kind) => {
    const dictionary = made(kind, 3);
    await writeSaeLens(folder, dictionary, 'float32');
    expect(await readSaeLens(folder)).toEqual(dictionary);
  });

  it('stored as float16 is read back to one part in 2,048', async () => {
    const dictionary = made('topk', 4);
    await writeSaeLens(folder, dictionary, 'float16');
    const { parameters } = await readSaeLens(folder);
    parameters.encoder.forEach((value, i) => {
      const want = dictionary.parameters.encoder[i]!;
      expect(Math.abs(value - want)).toBeLessThanOrEqual(Math.abs(want) / 2048 + 2 ** -24);
    });
  });

  it('with a weight that float16 cannot hold is not stored as float16', async () => {
    const dictionary = made('topk', 5);
    dictionary.parameters.decoderBias[0] = 1e6;
    await expect(writeSaeLens(folder, dictionary, 'float16')).rejects.toThrow(/too large for float16/);
  });
});

const python =
  process.env['SSAE_PEERS_PYTHON'] ??
  join(packageRoot, '..', '.venv-peers', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const LOAD_WITH_SAELENS = `
import sys
from safetensors.torch import load_file, save_file
from sae_lens import SAE
for folder in sys.argv[2:]:
    sae = SAE.load_from_disk(folder, dtype="float32")
    f = sae.encode(load_file(sys.argv[1])["activations"])
    out = {"feature_acts": f.detach().contiguous(), "reconstruction": sae.decode(f).detach().contiguous()}
    save_file(out, folder + "/out.safetensors")
`;
const peersAbsent = existsSync(python) ? '' : ' (skipped: no Python with sae_lens)';

describe.skipIf(peersAbsent !== '')(`SAELens 6.54.12${peersAbsent}`, () => {
  it('loads a written folder without conversion and computes the same', { timeout: 300_000 }, async () => {
    const random = new Random(9);
    const input = Float32Array.from({ length: 64 * 16 }, () => 2 * random.normal());
    const rows = join(folder, 'rows.safetensors');
    await writeSafetensors(rows, { activations: { dtype: 'F32', shape: [64, 16], data: input } });
    const dictionaries = [
      { folder: join(folder, 'topk'), dictionary: made('topk', 7), storage: 'float32' },
      { folder: join(folder, 'relu'), dictionary: made('relu', 8), storage: 'float16' },
    ] as const;
    for (const { folder, dictionary, storage } of dictionaries) await writeSaeLens(folder, dictionary, storage);
    const folders = dictionaries.map((each) => each.folder);
    execFileSync(python, ['-c', LOAD_WITH_SAELENS, rows, ...folders], { stdio: ['ignore', 'ignore', 'pipe'] });
    for (const folder of folders) {
      await using theirs = await SafetensorsFile.open(join(folder, 'out.safetensors'));
      const mine = await run(await readSaeLens(folder), input);
      for (const [got, name] of [
        [mine.features, 'feature_acts'],
        [mine.reconstruction, 'reconstruction'],
      ] as const) {
        const want = await theirs.float32(name);
        expect(largest(got.map((value, i) => value - want[i]!))).toBeLessThan(1e-5 * largest(want));
      }
    }
  });
});
