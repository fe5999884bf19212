import {
  buildParameters,
  parameterLengths,
  type DictionaryParameters,
  type EngineShape,
  type ParameterName,
  type TrainingState,
} from '../engine.ts';
import type { Memory } from './memory.ts';
import type { Recorder } from './recorder.ts';

/** Neighbouring features whose rows of W_enc and W_dec lie in one buffer: what a kernel can bind at once. */
export interface Tile {
  readonly index: number;
  readonly first: number;
  readonly count: number;
}

export const GROUPS = ['values', 'first', 'second'] as const;
export type Group = (typeof GROUPS)[number];

/** Matrices with a row for each feature. */
const TILED: ReadonlySet<ParameterName> = new Set<ParameterName>(['encoder', 'decoder']);

/** Bytes that are read back at once. */
const READ_BYTES = 256 * 2 ** 20;

export function tilesOf({ dIn, dOut, dSae }: EngineShape, maxBytes: number): Tile[] {
  const most = Math.max(1, Math.floor(maxBytes / (4 * Math.max(dIn, dOut))));
  return Array.from({ length: Math.ceil(dSae / most) }, (_, index) => {
    const first = index * most;
    return { index, first, count: Math.min(most, dSae - first) };
  });
}

/** Parameters, and in training Adam's moments, on the GPU. */
export class Parameters {
  readonly shape: EngineShape;
  readonly tiles: readonly Tile[];
  readonly #memory: Memory;
  readonly #recorder: Recorder;

  constructor(shape: EngineShape, tileBytes: number, memory: Memory, recorder: Recorder) {
    this.shape = shape;
    this.tiles = tilesOf(shape, tileBytes);
    this.#memory = memory;
    this.#recorder = recorder;
  }

  #width(name: ParameterName): number {
    return name === 'encoder' ? this.shape.dIn : this.shape.dOut;
  }

  rows(group: Group, name: 'encoder' | 'decoder', tile: Tile): GPUBuffer {
    return this.#memory.room(`${group} ${name} ${tile.index}`, tile.count * this.#width(name));
  }

  /** Where a shape has no such array, a buffer that stands in for it. */
  vector(group: Group, name: Exclude<ParameterName, 'encoder' | 'decoder'>): GPUBuffer {
    const length = parameterLengths(this.shape).find(([known]) => known === name)?.[1] ?? 1;
    return this.#memory.room(`${group} ${name}`, length);
  }

  *#parts(
    group: Group,
    name: ParameterName,
    length: number,
  ): Generator<[buffer: GPUBuffer, first: number, end: number]> {
    if (!TILED.has(name)) {
      yield [this.vector(group, name as 'encoderBias'), 0, length];
      return;
    }
    const width = this.#width(name);
    for (const tile of this.tiles)
      yield [this.rows(group, name as 'encoder', tile), tile.first * width, (tile.first + tile.count) * width];
  }

  write(group: Group, parameters: DictionaryParameters): void {
    for (const [name, length] of parameterLengths(this.shape))
      for (const [buffer, first, end] of this.#parts(group, name, length))
        this.#recorder.write(buffer, parameters[name]!.subarray(first, end));
  }

  /** Fills with zeros. */
  clear(group: Group): void {
    for (const [name, length] of parameterLengths(this.shape))
      for (const [buffer] of this.#parts(group, name, length)) this.#recorder.clear(buffer);
  }

  async read(group: Group): Promise<DictionaryParameters> {
    const arrays = buildParameters(this.shape, (_, length) => new Float32Array(length));
    for (const [name, length] of parameterLengths(this.shape))
      for (const [buffer, first, end] of this.#parts(group, name, length))
        await readInto(this.#recorder, buffer, arrays[name]!.subarray(first, end));
    return arrays;
  }
}

/** Reads a buffer that may be larger than what is staged at once. */
export async function readInto(recorder: Recorder, buffer: GPUBuffer, into: Float32Array): Promise<void> {
  for (let first = 0; first < into.length; first += READ_BYTES / 4) {
    const count = Math.min(READ_BYTES / 4, into.length - first);
    const [data] = await recorder.read([buffer, count * 4, first * 4]);
    into.set(new Float32Array(data!), first);
  }
}

/** 1 for features with a moment that is not zero. */
export function movingFeatures(shape: EngineShape, { firstMoment, secondMoment }: TrainingState): Uint32Array {
  const moving = new Uint32Array(shape.dSae);
  for (const moments of [firstMoment, secondMoment])
    for (const [name, length] of parameterLengths(shape)) {
      if (name === 'decoderBias' || name === 'skip') continue;
      const width = length / shape.dSae;
      for (const [i, moment] of moments[name]!.entries()) if (moment !== 0) moving[Math.floor(i / width)] = 1;
    }
  return moving;
}
