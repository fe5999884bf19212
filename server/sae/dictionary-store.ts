/** Dictionaries on disk: SAELens folders with a manifest and labels beside the weights. */
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { messageOf, unknownName, UsageError, WorkError } from '../foundation/errors.ts';
import { readJson, writeFileAtomic, writeFolderAtomic } from '../foundation/files.ts';
import { canonicalJson, sha256 } from '../foundation/hash.ts';
import type { Home } from '../foundation/home.ts';
import { productVersion, shippedFile } from '../foundation/package-root.ts';
import type { DictionarySummary } from '../protocol/results.ts';
import type { Dictionary } from './dictionary.ts';
import { readSaeLens, writeSaeLens, type SaeLensDictionary, type Storage } from './saelens.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
export const BUILTIN_DICTIONARY = 'builtin-gsae';
const MAX_LABEL_LENGTH = 10_000;

const Labels = z.record(z.string().regex(/^\d{1,10}$/), z.string().max(MAX_LABEL_LENGTH));

/** How a dictionary came to be; `manifest.json`. Free of times and paths, so that equal work gives equal bytes. */
export interface DictionaryManifest {
  readonly config: unknown;
  /** Content hash of everything that was read, by what it is: "activations", "from", "model". */
  readonly inputs: Readonly<Record<string, string>>;
  readonly seed: number | null;
  readonly metrics: unknown;
}

/** SHA-256 over shape, origin and parameters in canonical form: float16 and float32 storage of the same values agree. */
export function dictionaryHash({
  shape,
  parameters,
  origin,
}: Pick<Dictionary, 'shape' | 'parameters' | 'origin'>): string {
  const bytes = (values: Float32Array): Uint8Array =>
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const { encoder, encoderBias, decoder, decoderBias } = parameters;
  return sha256(canonicalJson({ shape, origin }), ...[encoder, encoderBias, decoder, decoderBias].map(bytes));
}

async function readLabels(folder: string, dSae: number): Promise<Map<number, string>> {
  const path = join(folder, 'labels.json');
  if (!(await exists(path))) return new Map();
  const labels = Labels.safeParse(await readJson(path));
  if (!labels.success)
    throw new WorkError(`${path} is not a table of feature to text: ${z.prettifyError(labels.error)}`);
  const entries = Object.entries(labels.data).map(([feature, text]) => [Number(feature), text] as const);
  const outside = entries.find(([feature]) => feature >= dSae);
  if (outside !== undefined)
    throw new WorkError(`${path} labels feature ${outside[0]}; the dictionary has ${dSae} features`);
  return new Map(entries.sort(([a], [b]) => a - b));
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

/** Reads a folder whoever wrote it. Its name is the folder's. @throws WorkError naming what is damaged or not supported. */
export async function loadDictionary(folder: string, name: string = basename(resolve(folder))): Promise<Dictionary> {
  const read = await readSaeLens(folder);
  return {
    name,
    contentHash: dictionaryHash(read),
    ...read,
    labels: await readLabels(folder, read.shape.dSae),
    densities: null,
  };
}

/** @throws UsageError when the folder holds something that is not a dictionary and would be lost. */
export async function refuseForeignFolder(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((error: unknown): string[] => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new UsageError(`the output ${folder} cannot be a folder: ${messageOf(error)}`);
  });
  if (entries.length > 0 && !(entries.includes('cfg.json') && entries.includes('sae_weights.safetensors')))
    throw new UsageError(
      `the output folder ${folder} exists and holds no dictionary (${entries.slice(0, 3).join(', ')}); name another folder`,
    );
}

/**
 * Writes a dictionary's folder in one step and reads it back, so that what is returned is what the file holds (float16 rounds).
 * @param files more files to put into the folder, by name: history.json, timing.json
 */
export async function saveDictionary(
  folder: string,
  dictionary: SaeLensDictionary & Partial<Pick<Dictionary, 'name' | 'labels'>>,
  manifest: DictionaryManifest,
  { storage = 'float32', files = {} }: { storage?: Storage; files?: Readonly<Record<string, string>> } = {},
): Promise<Dictionary> {
  await refuseForeignFolder(folder);
  const labels = dictionary.labels ?? new Map<number, string>();
  await writeFolderAtomic(folder, async (temporary) => {
    await writeSaeLens(temporary, dictionary, storage);
    const { contentHash } = await loadDictionary(temporary);
    const versions = { ssae: productVersion, format: 1 };
    await writeJson(join(temporary, 'manifest.json'), { kind: 'dictionary', contentHash, versions, ...manifest });
    if (labels.size > 0) await writeJson(join(temporary, 'labels.json'), Object.fromEntries(labels));
    for (const [name, content] of Object.entries(files)) await writeFileAtomic(join(temporary, name), content);
  });
  return loadDictionary(folder, dictionary.name);
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Names one feature, or takes its name away with null. */
export async function labelFeature(folder: string, feature: number, text: string | null): Promise<void> {
  const { shape } = await readSaeLens(folder);
  if (!Number.isSafeInteger(feature) || feature < 0 || feature >= shape.dSae)
    throw new UsageError(`feature is ${feature}; expected 0 to ${shape.dSae - 1}`);
  if (text !== null && text.length > MAX_LABEL_LENGTH)
    throw new UsageError(`the label has ${text.length} characters; at most ${MAX_LABEL_LENGTH} are kept`);
  const labels = await readLabels(folder, shape.dSae);
  if (text === null) labels.delete(feature);
  else labels.set(feature, text);
  await writeJson(join(folder, 'labels.json'), Object.fromEntries(labels));
}

/** Dictionaries kept in memory; hundreds of megabytes each where they are large. */
const MAX_LOADED = 4;

/** Sizes and times of the files a dictionary is read from: what changes when it is trained again or a feature is named. */
async function stateOf(folder: string): Promise<string> {
  const files = ['cfg.json', 'sae_weights.safetensors', 'labels.json'];
  const stats = await Promise.all(files.map((file) => stat(join(folder, file)).catch(() => null)));
  return stats.map((one) => (one === null ? '-' : `${one.size} ${one.mtimeMs} ${one.ino}`)).join('; ');
}

/** The dictionaries of a home folder, the one that ships with the product, and any folder by its path. */
export class DictionaryStore {
  readonly #folder: string;
  readonly #loaded = new LRUCache<string, { readonly state: string; readonly dictionary: Promise<Dictionary> }>({
    max: MAX_LOADED,
  });

  constructor(home: Home) {
    this.#folder = home.dictionaries;
  }

  /** Names that can be used without a path. */
  async names(): Promise<string[]> {
    const entries = await readdir(this.#folder, { withFileTypes: true }).catch(() => []);
    const stored = entries.filter((entry) => entry.isDirectory() && NAME.test(entry.name)).map(({ name }) => name);
    const found: string[] = [];
    for (const name of new Set([...stored, BUILTIN_DICTIONARY]))
      if (await exists(join(this.#stored(name), 'cfg.json'))) found.push(name);
    return found.sort();
  }

  #stored(name: string): string {
    return name === BUILTIN_DICTIONARY
      ? shippedFile('server', 'embedded', 'dictionaries', BUILTIN_DICTIONARY)
      : join(this.#folder, name);
  }

  /** The folder of a stored name, else of a path. @throws UsageError naming the nearest stored name. */
  async resolve(reference: string): Promise<string> {
    if (NAME.test(reference) && (await exists(join(this.#stored(reference), 'cfg.json'))))
      return this.#stored(reference);
    if (await exists(join(reference, 'cfg.json'))) return resolve(reference);
    if ((await stat(reference).catch(() => null))?.isDirectory() === true)
      throw new WorkError(
        `${reference} holds no dictionary: expected a SAELens folder, cfg.json with sae_weights.safetensors`,
      );
    throw unknownName('dictionary', reference, await this.names());
  }

  /** Where a new dictionary goes: a name stands for a folder in the home folder, anything with a separator is a path. */
  outputFolder(output: string): string {
    if (isAbsolute(output) || /[\\/]/.test(output)) return resolve(output);
    if (!NAME.test(output) || output === BUILTIN_DICTIONARY)
      throw new UsageError(
        `the dictionary's name is "${output}"; expected letters, digits, ".", "_", "-" (at most 100, "${BUILTIN_DICTIONARY}" is taken), or a path`,
      );
    return join(this.#folder, output);
  }

  /** Read once: the same dictionary is given again until one of its files changes. */
  async load(reference: string): Promise<Dictionary> {
    const folder = await this.resolve(reference);
    const name = NAME.test(reference) ? reference : basename(folder);
    const state = await stateOf(folder);
    const known = this.#loaded.get(`${name} ${folder}`);
    if (known?.state === state) return known.dictionary;
    const dictionary = loadDictionary(folder, name);
    this.#loaded.set(`${name} ${folder}`, { state, dictionary });
    dictionary.catch(() => this.#loaded.delete(`${name} ${folder}`));
    return dictionary;
  }

  async list(): Promise<DictionarySummary[]> {
    const summaries: DictionarySummary[] = [];
    for (const name of await this.names()) summaries.push(await this.show(name));
    return summaries;
  }

  async show(reference: string): Promise<DictionarySummary> {
    const path = await this.resolve(reference);
    const { name, shape, origin, contentHash, densities } = await this.load(reference);
    const { size } = await stat(join(path, 'sae_weights.safetensors'));
    const { architecture, dIn, dSae } = shape;
    return {
      ...{ name, architecture: architecture.kind, dIn, dSae, k: architecture.kind === 'topk' ? architecture.k : null },
      ...{ model: origin.model, hookPoint: origin.hookPoint, bytes: size, path, contentHash },
      densityTokens: densities?.tokens ?? null,
    };
  }

  /** Removes a stored dictionary; folders given by path are never deleted. */
  async remove(name: string): Promise<void> {
    if (name === BUILTIN_DICTIONARY) throw new UsageError(`${BUILTIN_DICTIONARY} ships with the product and stays`);
    if (!NAME.test(name) || !(await exists(join(this.#stored(name), 'cfg.json'))))
      throw unknownName(
        'dictionary',
        name,
        (await this.names()).filter((stored) => stored !== BUILTIN_DICTIONARY),
      );
    await rm(this.#stored(name), { recursive: true, force: true });
  }
}
