import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WorkError } from '../foundation/errors.ts';
import { packageRoot } from '../foundation/package-root.ts';
import { SafetensorsFile, writeSafetensors, type TensorData } from '../foundation/safetensors.ts';
import { densitiesOf, DENSITIES_FILE, readDensities, writeDensities } from './densities.ts';

const bySaeLens = join(packageRoot, '..', 'shared', 'fixtures', 'saes', 'saelens-v5-standard', 'sae');
const unlessAbsent = existsSync(bySaeLens) ? '' : ' (skipped: no shared/ fixtures)';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-densities-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (tensors: Record<string, TensorData>, metadata?: Record<string, string>): Promise<void> =>
  writeSafetensors(join(folder, DENSITIES_FILE), tensors, metadata);
const sparsity = (values: readonly number[]): Record<string, TensorData> => ({
  sparsity: { dtype: 'F32', shape: [values.length], data: Float32Array.from(values) },
});

describe('densities', () => {
  it('are log10(share + 1e-10) on disk, and come back with the number of tokens', async () => {
    await writeDensities(folder, densitiesOf(Uint32Array.of(0, 1, 500, 1000), 1000));
    await using file = await SafetensorsFile.open(join(folder, DENSITIES_FILE));
    const onDisk = [-10, -3, Math.log10(0.5), 0];
    (await file.float32('sparsity')).forEach((value, i) => {
      expect(value).toBeCloseTo(onDisk[i]!, 6);
    });
    const { shares, tokens } = (await readDensities(folder, 4))!;
    expect(tokens).toBe(1000);
    [0, 0.001, 0.5, 1].forEach((share, i) => {
      expect(shares[i]).toBeCloseTo(share, 7);
    });
    expect([shares[0], shares[3]]).toEqual([0, 1]);
  });

  it.skipIf(unlessAbsent !== '')(`are read from a folder that SAELens wrote${unlessAbsent}`, async () => {
    const { shares, tokens } = (await readDensities(bySaeLens, 64))!;
    expect(tokens).toBe(0);
    // The file begins with −1.196110725402832, −1.1178655624389648.
    expect(shares[0]).toBeCloseTo(0.06366332, 7);
    expect(shares[1]).toBeCloseTo(0.0762315, 6);
  });

  it('are absent where nobody counted, and count over a number nobody noted where the file does not say', async () => {
    expect(await readDensities(folder, 2)).toBeNull();
    await write(sparsity([-1, -Infinity]));
    expect(await readDensities(folder, 2)).toEqual({ shares: Float32Array.of(0.1, 0), tokens: 0 });
  });

  it.each<[string, Record<string, TensorData>, Record<string, string> | undefined, RegExp]>([
    ['of another width', sparsity([-1]), undefined, /"sparsity" \[1\], the dictionary has 2 features/],
    ['that are NaN', sparsity([-1, NaN]), undefined, /says NaN of feature 1/],
    ['above 1', sparsity([-1, 0.5]), undefined, /says 0.5 of feature 1/],
    ['without their tensor', { other: sparsity([-1, -1])['sparsity']! }, undefined, /no tensor "sparsity"/],
    ['over a strange number of tokens', sparsity([-1, -1]), { tokens: '-5' }, /counted over "-5" tokens/],
    ['of whole numbers', { sparsity: { dtype: 'I32', shape: [2], data: new Int32Array(2) } }, undefined, /is I32/],
  ])('%s are refused by name', async (_, tensors, metadata, message) => {
    await write(tensors, metadata);
    await expect(readDensities(folder, 2)).rejects.toThrow(WorkError);
    await expect(readDensities(folder, 2)).rejects.toThrow(message);
    await expect(readDensities(folder, 2)).rejects.toThrow(/sparsity\.safetensors/);
  });

  it('that claim a size the file does not have are refused before anything is allocated', async () => {
    const header = JSON.stringify({ sparsity: { dtype: 'F32', shape: [1e12], data_offsets: [0, 4e12] } });
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(header.length));
    await writeFile(join(folder, DENSITIES_FILE), Buffer.concat([prefix, Buffer.from(header)]));
    await expect(readDensities(folder, 2)).rejects.toThrow(/lies outside the file/);
  });
});
