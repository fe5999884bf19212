import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WorkError } from './errors.ts';
import { sha256OfFile } from './hash.ts';
import {
  floatToHalf,
  fromHalves,
  halfToFloat,
  SafetensorsFile,
  streamSafetensors,
  toHalves,
  writeSafetensors,
} from './safetensors.ts';
import { streamTensors } from './safetensors-stream.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-safetensors-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('float16', () => {
  it('comes back from every one of its 65,536 patterns', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = halfToFloat(bits);
      if (Number.isNaN(value)) expect(halfToFloat(floatToHalf(value))).toBeNaN();
      else expect(floatToHalf(value)).toBe(bits);
    }
  });

  it('is converted by the array as one by one', () => {
    const every = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    const floats = fromHalves(every);
    expect([...floats]).toEqual([...every].map(halfToFloat));
    const between = floats.map((value, i) => value * (1 + (i % 7) * 1e-4));
    expect([...toHalves(between)]).toEqual([...between].map(floatToHalf));
  });

  it('is the nearest one, and of two as near the even one', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: -65504, max: 65504 }), (value) => {
        const bits = floatToHalf(value);
        const distance = Math.abs(halfToFloat(bits) - value);
        for (const other of [bits - 1, bits + 1]) {
          const neighbour = halfToFloat(other & 0xffff);
          if (Number.isFinite(neighbour) && Math.abs(neighbour - value) === distance) expect(bits % 2).toBe(0);
          else if (Number.isFinite(neighbour)) expect(Math.abs(neighbour - value)).toBeGreaterThanOrEqual(distance);
        }
      }),
    );
  });
});

describe('a safetensors file', () => {
  it('gives back what was written, whole and in part', async () => {
    const path = join(folder, 'whole.safetensors');
    const data = Float32Array.from({ length: 12 }, (_, i) => i / 7);
    await writeSafetensors(path, { weights: { dtype: 'F32', shape: [3, 4], data } }, { made: 'here' });
    await using file = await SafetensorsFile.open(path);
    expect(file.metadata).toEqual({ made: 'here' });
    expect(await file.float32('weights')).toEqual(data);
    expect(await file.float32('weights', 4, 4)).toEqual(data.slice(4, 8));
    await expect(file.float32('weights', 8, 8)).rejects.toThrow(WorkError);
  });

  it('that comes in pieces is the file that comes whole', async () => {
    const data = Float32Array.from({ length: 12 }, (_, i) => i / 7);
    const [whole, streamed] = [join(folder, 'at-once.safetensors'), join(folder, 'streamed.safetensors')];
    await writeSafetensors(whole, { rows: { dtype: 'F32', shape: [3, 4], data } });
    const pieces = async function* (end: number): AsyncGenerator<Float32Array> {
      for (let at = 0; at < end; at += 5) yield Promise.resolve(data.subarray(at, Math.min(end, at + 5)));
    };
    const written = await streamSafetensors(streamed, 'rows', { dtype: 'F32', shape: [3, 4] }, pieces(12));
    expect(await readFile(streamed)).toEqual(await readFile(whole));
    expect(written).toEqual({ bytes: (await readFile(whole)).length, contentHash: await sha256OfFile(whole) });
    const short = join(folder, 'short.safetensors');
    const refused = streamSafetensors(short, 'rows', { dtype: 'F32', shape: [3, 4] }, pieces(11));
    await expect(refused).rejects.toThrow(/short\.safetensors: tensor "rows" of shape \[3, 4\] was given 44 bytes/);
    await expect(readFile(short)).rejects.toThrow(/ENOENT/);
  });

  it('of several tensors that come in pieces is the file that comes whole', async () => {
    const rows = Float32Array.from({ length: 12 }, (_, i) => i / 7);
    const counts = Float64Array.from([1, 2, 3]);
    const [whole, streamed] = [join(folder, 'whole-several.safetensors'), join(folder, 'several.safetensors')];
    const layout = { rows: { dtype: 'F32', shape: [3, 4] }, counts: { dtype: 'F64', shape: [3] } } as const;
    const metadata = { made: 'here' };
    await writeSafetensors(
      whole,
      { rows: { ...layout.rows, data: rows }, counts: { ...layout.counts, data: counts } },
      metadata,
    );
    const pieces = async function* (end: number): AsyncGenerator<Float32Array | Float64Array> {
      for (let at = 0; at < end; at += 5) yield Promise.resolve(rows.subarray(at, Math.min(end, at + 5)));
      yield counts;
    };
    const tensors = new Map(Object.entries(layout));
    await streamTensors(streamed, tensors, pieces(12), metadata);
    expect(await readFile(streamed)).toEqual(await readFile(whole));
    await expect(streamTensors(streamed, tensors, pieces(11), metadata)).rejects.toThrow(
      /its tensors take 72 bytes and were given 68/,
    );
    expect(await readFile(streamed)).toEqual(await readFile(whole));
  });

  it('is either read or refused by name, whatever bytes it holds', async () => {
    const path = join(folder, 'mutant.safetensors');
    await writeSafetensors(path, { weights: { dtype: 'F32', shape: [2, 2], data: new Float32Array(4) } });
    const sound = await readFile(path);
    const changes = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(sound.length), async (edits, length) => {
        const mutant = Buffer.from(sound);
        for (const [place, byte] of edits) mutant[place] = byte;
        await writeFile(path, mutant.subarray(0, length));
        try {
          await using file = await SafetensorsFile.open(path);
          for (const [name, { dtype }] of file.tensors) if (dtype === 'F32') await file.float32(name);
        } catch (error) {
          expect(error).toBeInstanceOf(WorkError);
          expect((error as Error).message).toContain(path);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('that declares more than it holds is refused before anything is allocated', async () => {
    const path = join(folder, 'huge.safetensors');
    const file = await open(path, 'w');
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(2n ** 60n);
    await file.write(prefix);
    await file.close();
    await expect(SafetensorsFile.open(path)).rejects.toThrow(/not a safetensors file/);
  });
});
