import { SafetensorsFile, writeSafetensors } from '../foundation/safetensors.ts';
import { WorkError } from '../foundation/errors.ts';
import type { FeatureIndexBuilder } from './feature-index-builder.ts';
import { SAMPLED_OCTAVES, SAMPLES_PER_OCTAVE } from './octave-samples.ts';

/** Octaves of activation, from 2^FIRST_OCTAVE up; weaker and stronger ones fall into the first and the last. */
export const OCTAVES = 32;
export const FIRST_OCTAVE = -12;
const ID_BYTES = 8;

export interface TopPassage {
  readonly id: string;
  /** The feature's strongest activation in the passage. */
  readonly maximum: number;
}

export interface SampledPassage {
  readonly id: string;
  /** The feature's strongest activation in the passage lies in [2^(FIRST_OCTAVE + octave), 2^(FIRST_OCTAVE + octave + 1)). */
  readonly octave: number;
}

export interface IndexedFeature {
  /** Tokens on which the feature fired. */
  readonly fires: number;
  /** fires / tokens */
  readonly density: number;
  /** [OCTAVES] tokens whose activation lies in [2^(FIRST_OCTAVE + i), 2^(FIRST_OCTAVE + i + 1)) */
  readonly histogram: Uint32Array;
  /** Strongest first. */
  readonly top: readonly TopPassage[];
  /** A few passages of each octave, drawn at random; strongest octave first. */
  readonly samples: readonly SampledPassage[];
  /** By id of those passages: the tokens that the feature fires on. */
  readonly activations: ReadonlyMap<string, readonly TokenActivation[]>;
}

export interface TokenActivation {
  /** Its place in the passage, special tokens counted. */
  readonly token: number;
  readonly activation: number;
}

/** A feature's figures and strongest passages over a corpus, read from a safetensors file a row at a time: nothing else of it is in memory. */
export class FeatureIndex implements AsyncDisposable {
  readonly tokens: number;
  readonly #file: SafetensorsFile;
  readonly #capacity: number;

  private constructor(file: SafetensorsFile, tokens: number) {
    this.#file = file;
    this.tokens = tokens;
    this.#capacity = file.entry('maxima').shape[1]!;
  }

  /** @throws WorkError when the file is missing, cut short, or not of this dictionary's width */
  static async open(path: string, dSae: number): Promise<FeatureIndex> {
    const file = await SafetensorsFile.open(path);
    try {
      checkTensor(file, 'fires', 'U32', [dSae]);
      checkTensor(file, 'kept', 'U32', [dSae]);
      checkTensor(file, 'histogram', 'U32', [dSae, OCTAVES]);
      const capacity = file.entry('maxima').shape[1] ?? 0;
      checkTensor(file, 'maxima', 'F32', [dSae, capacity]);
      checkTensor(file, 'passages', 'U32', [dSae, capacity]);
      checkTensor(file, 'sample_octaves', 'U8', [dSae, SAMPLED_OCTAVES]);
      checkTensor(file, 'samples_kept', 'U32', [dSae, SAMPLED_OCTAVES]);
      checkTensor(file, 'samples', 'U32', [dSae, SAMPLED_OCTAVES, SAMPLES_PER_OCTAVE]);
      checkTensor(file, 'activation_starts', 'U32', [dSae + 1]);
      const activations = file.entry('activation_values').shape[0] ?? 0;
      for (const name of ['activation_passages', 'activation_tokens']) checkTensor(file, name, 'U32', [activations]);
      checkTensor(file, 'activation_values', 'F32', [activations]);
      checkTensor(file, 'passage_ids', 'U8', [file.entry('passage_ids').shape[0] ?? 0, ID_BYTES]);
      const tokens = Number(file.metadata['tokens']);
      if (!Number.isSafeInteger(tokens) || tokens < 0) throw damaged(path, `its token count is ${String(tokens)}`);
      return new FeatureIndex(file, tokens);
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw error;
    }
  }

  async feature(feature: number): Promise<IndexedFeature> {
    const [fires, kept] = [(await this.#words('fires', feature, 1))[0]!, (await this.#words('kept', feature, 1))[0]!];
    if (kept > this.#capacity) throw damaged(this.#file.path, `feature ${feature} has ${kept} passages`);
    const maxima = await this.#file.float32('maxima', feature * this.#capacity, kept);
    const top: TopPassage[] = [];
    for (const [i, passage] of (await this.#words('passages', feature * this.#capacity, kept)).entries())
      top.push({ id: await this.#passageId(passage), maximum: maxima[i]! });
    const density = this.tokens === 0 ? 0 : fires / this.tokens;
    const histogram = await this.#words('histogram', feature * OCTAVES, OCTAVES);
    const [samples, activations] = [await this.#samples(feature), await this.#activations(feature)];
    return { fires, density, histogram, top, samples, activations };
  }

  async #activations(feature: number): Promise<Map<string, TokenActivation[]>> {
    const [from, to] = await this.#words('activation_starts', feature, 2);
    if (from! > to!) throw damaged(this.#file.path, `the activations of feature ${feature} end before they begin`);
    const passages = await this.#words('activation_passages', from!, to! - from!);
    const tokens = await this.#words('activation_tokens', from!, to! - from!);
    const values = await this.#file.float32('activation_values', from, to! - from!);
    const byPassage = new Map<number, TokenActivation[]>();
    for (const [i, passage] of passages.entries()) {
      const known = byPassage.get(passage) ?? [];
      known.push({ token: tokens[i]!, activation: values[i]! });
      byPassage.set(passage, known);
    }
    const byId = new Map<string, TokenActivation[]>();
    for (const [passage, some] of byPassage) byId.set(await this.#passageId(passage), some);
    return byId;
  }

  async #samples(feature: number): Promise<SampledPassage[]> {
    const first = feature * SAMPLED_OCTAVES;
    const octaves = await this.#file.bytes('sample_octaves', first, SAMPLED_OCTAVES);
    const kept = await this.#words('samples_kept', first, SAMPLED_OCTAVES);
    const drawn = await this.#words('samples', first * SAMPLES_PER_OCTAVE, SAMPLED_OCTAVES * SAMPLES_PER_OCTAVE);
    const samples: SampledPassage[] = [];
    for (const [place, octave] of octaves.entries()) {
      const begin = place * SAMPLES_PER_OCTAVE;
      for (const passage of drawn.subarray(begin, begin + Math.min(kept[place]!, SAMPLES_PER_OCTAVE)))
        samples.push({ id: await this.#passageId(passage), octave: octave - 1 });
    }
    return samples.sort((a, b) => b.octave - a.octave);
  }

  async #words(name: string, first: number, count: number): Promise<Uint32Array> {
    return new Uint32Array((await this.#file.bytes(name, first, count)).buffer);
  }

  async #passageId(passage: number): Promise<string> {
    return Buffer.from(await this.#file.bytes('passage_ids', passage * ID_BYTES, ID_BYTES)).toString('hex');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}

function damaged(path: string, why: string): WorkError {
  return new WorkError(`${path} is not a feature index (${why}); delete it and it is made again`);
}

function checkTensor(file: SafetensorsFile, name: string, dtype: string, shape: readonly number[]): void {
  const entry = file.entry(name);
  if (entry.dtype !== dtype || entry.shape.join() !== shape.join())
    throw damaged(
      file.path,
      `tensor "${name}" is ${entry.dtype} [${entry.shape.join(', ')}], not ${dtype} [${shape.join(', ')}]`,
    );
}

/** Writes what a builder gathered, atomically. */
export async function writeFeatureIndex(path: string, builder: FeatureIndexBuilder): Promise<void> {
  const { fires, histogram, strongest, samples, passageIds, tokens } = builder;
  const dSae = fires.length;
  const activations = builder.activations.byFeature();
  const count = activations.values.length;
  await writeSafetensors(
    path,
    {
      fires: { dtype: 'U32', shape: [dSae], data: fires },
      kept: { dtype: 'U32', shape: [dSae], data: strongest.kept },
      histogram: { dtype: 'U32', shape: [dSae, OCTAVES], data: histogram },
      maxima: { dtype: 'F32', shape: [dSae, strongest.capacity], data: strongest.scores },
      passages: { dtype: 'U32', shape: [dSae, strongest.capacity], data: strongest.items },
      sample_octaves: { dtype: 'U8', shape: [dSae, SAMPLED_OCTAVES], data: samples.octaves },
      samples_kept: { dtype: 'U32', shape: [dSae, SAMPLED_OCTAVES], data: samples.drawn.kept },
      samples: { dtype: 'U32', shape: [dSae, SAMPLED_OCTAVES, SAMPLES_PER_OCTAVE], data: samples.drawn.items },
      activation_starts: { dtype: 'U32', shape: [dSae + 1], data: activations.starts },
      activation_passages: { dtype: 'U32', shape: [count], data: activations.passages },
      activation_tokens: { dtype: 'U32', shape: [count], data: activations.tokens },
      activation_values: { dtype: 'F32', shape: [count], data: activations.values },
      passage_ids: {
        dtype: 'U8',
        shape: [passageIds.length, ID_BYTES],
        data: new Uint8Array(Buffer.from(passageIds.join(''), 'hex')),
      },
    },
    { tokens: String(tokens) },
  );
}
