/** Dictionaries on disk: SAELens folders with a manifest and labels beside the weights. */
import { readdir, realpath, rm, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { LRUCache } from 'lru-cache';
import { parameterLengths, type EngineShape } from '../compute/engine.ts';
import { messageOf, unknownName, UsageError, WorkError } from '../foundation/errors.ts';
import { writeFileAtomic, writeFolderAtomic } from '../foundation/files.ts';
import { canonicalJson, sha256 } from '../foundation/hash.ts';
import type { Home } from '../foundation/home.ts';
import { productVersion, shippedFile } from '../foundation/package-root.ts';
import type { DictionarySummary } from '../protocol/results.ts';
import { DENSITIES_FILE, readDensities, writeDensities } from './densities.ts';
import type { Dictionary, FeatureDensities } from './dictionary.ts';
import { LABELS_FILE, readLabels, writeLabel, writeLabels } from './labels.ts';
import { readSaeLens, writeSaeLens, type SaeLensDictionary } from './saelens.ts';
import type { Storage } from './saelens-tensors.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
export const BUILTIN_DICTIONARY = 'builtin-gsae';

/** How a dictionary came to be; `manifest.json`. Free of times and paths, so that equal work gives equal bytes. */
export interface DictionaryManifest {
  readonly config: unknown;
  /** Content hash of everything that was read, by what it is: "activations", "from", "model". */
  readonly inputs: Readonly<Record<string, string>>;
  readonly seed: number | null;
  readonly metrics: unknown;
}

/** The shape as it was hashed before there were transcoders and rescaling: what is absent is as it always was. */
function hashedShape({ architecture, dOut, skip, ...rest }: EngineShape): unknown {
  const plain = 'rescaledByDecoderNorm' in architecture && !architecture.rescaledByDecoderNorm;
  return {
    ...rest,
    architecture: plain ? { kind: architecture.kind, k: architecture.k } : architecture,
    ...(dOut === rest.dIn ? {} : { dOut }),
    ...(skip ? { skip } : {}),
  };
}

/** SHA-256 over shape, origin and parameters in canonical form: float16 and float32 storage of the same values agree. */
export function dictionaryHash({
  shape,
  parameters,
  origin,
  transcoder,
}: Pick<Dictionary, 'shape' | 'parameters' | 'origin' | 'transcoder'>): string {
  const bytes = (values: Float32Array): Uint8Array =>
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const hashed = { shape: hashedShape(shape), origin, ...(transcoder === undefined ? {} : { transcoder }) };
  return sha256(canonicalJson(hashed), ...parameterLengths(shape).map(([name]) => bytes(parameters[name]!)));
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

/** What people and counts add to a dictionary's weights. */
type Notes = Pick<Dictionary, 'labels' | 'densities'>;

async function readNotes(folder: string, labels: string, dSae: number): Promise<Notes> {
  return { labels: await readLabels(labels, dSae), densities: await readDensities(folder, dSae) };
}

/**
 * Reads a folder whoever wrote it. Its name is the folder's.
 * @param labels the file of the labels, where it is not the folder's own
 * @throws WorkError naming what is damaged or not supported
 */
export async function loadDictionary(
  folder: string,
  name: string = basename(resolve(folder)),
  labels: string = join(folder, LABELS_FILE),
): Promise<Dictionary> {
  const read = await readSaeLens(folder);
  const notes = await readNotes(folder, labels, read.shape.dSae);
  return { name, contentHash: dictionaryHash(read), ...read, ...notes };
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
  dictionary: SaeLensDictionary & Partial<Pick<Dictionary, 'name' | 'labels' | 'densities'>>,
  manifest: DictionaryManifest,
  { storage = 'float32', files = {} }: { storage?: Storage; files?: Readonly<Record<string, string>> } = {},
): Promise<Dictionary> {
  await refuseForeignFolder(folder);
  const { name = basename(resolve(folder)), labels = new Map<number, string>(), densities = null } = dictionary;
  return writeFolderAtomic(folder, async (temporary) => {
    await writeSaeLens(temporary, dictionary, storage);
    if (labels.size > 0) await writeLabels(join(temporary, LABELS_FILE), labels);
    if (densities !== null) await writeDensities(temporary, densities);
    for (const [name, content] of Object.entries(files)) await writeFileAtomic(join(temporary, name), content);
    const read = await loadDictionary(temporary, name);
    const versions = { ssae: productVersion, format: 1 };
    const { contentHash } = read;
    await writeJson(join(temporary, 'manifest.json'), { kind: 'dictionary', contentHash, versions, ...manifest });
    return read;
  });
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Dictionaries kept in memory; hundreds of megabytes each where they are large. */
const MAX_LOADED = 4;

/** Sizes and times of files: what changes when they are written again. */
async function stateOf(files: readonly string[]): Promise<string> {
  const stats = await Promise.all(files.map((file) => stat(file).catch(() => null)));
  return stats.map((one) => (one === null ? '-' : `${one.size} ${one.mtimeMs} ${one.ino}`)).join('; ');
}

const SHIPPED_FOLDER = shippedFile('server', 'embedded', 'dictionaries', BUILTIN_DICTIONARY);

async function isShipped(folder: string): Promise<boolean> {
  const [given, shipped] = await Promise.all([folder, SHIPPED_FOLDER].map((path) => realpath(path)));
  return given === shipped;
}

interface Loaded {
  /** {@link stateOf} the weights, and of labels and densities, which are small and change while the dictionary is in use. */
  readonly weights: string;
  readonly notes: string;
  readonly dictionary: Promise<Dictionary>;
}

/** The dictionaries of a home folder, the one that ships with the product, and any folder by its path. */
export class DictionaryStore {
  readonly #folder: string;
  readonly #labels: string;
  readonly #loaded = new LRUCache<string, Loaded>({ max: MAX_LOADED });

  constructor(home: Home) {
    this.#folder = home.dictionaries;
    this.#labels = home.labels;
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
    return name === BUILTIN_DICTIONARY ? SHIPPED_FOLDER : join(this.#folder, name);
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

  /** The product's own folder is never written: labels of its dictionary are kept in the home folder. */
  async #labelsOf(folder: string): Promise<string> {
    return (await isShipped(folder)) ? join(this.#labels, `${BUILTIN_DICTIONARY}.json`) : join(folder, LABELS_FILE);
  }

  /** Read once: the same dictionary is given again until one of its files changes. */
  async load(reference: string): Promise<Dictionary> {
    const folder = await this.resolve(reference);
    const name = NAME.test(reference) ? reference : basename(folder);
    const labels = await this.#labelsOf(folder);
    const weights = await stateOf(['cfg.json', 'sae_weights.safetensors'].map((file) => join(folder, file)));
    const notes = await stateOf([labels, join(folder, DENSITIES_FILE)]);
    const key = `${name} ${folder}`;
    const known = this.#loaded.get(key);
    if (known?.weights === weights && known.notes === notes) return known.dictionary;
    const dictionary =
      known?.weights === weights
        ? known.dictionary.then(async (old) => ({ ...old, ...(await readNotes(folder, labels, old.shape.dSae)) }))
        : loadDictionary(folder, name, labels);
    this.#loaded.set(key, { weights, notes, dictionary });
    dictionary.catch(() => this.#loaded.delete(key));
    return dictionary;
  }

  /** Names one feature, or takes its name away with null. @throws UsageError when there is no such feature */
  async label(reference: string, feature: number, text: string | null): Promise<void> {
    const folder = await this.resolve(reference);
    const { shape } = await this.load(reference);
    await writeLabel(await this.#labelsOf(folder), shape.dSae, feature, text);
  }

  /** Keeps how often features fire beside the weights. @throws UsageError for the dictionary that ships with the product */
  async setDensities(reference: string, densities: FeatureDensities): Promise<void> {
    await writeDensities(await this.writable(reference), densities);
  }

  /** The folder of a dictionary that may be written to. @throws UsageError for the one that ships with the product */
  async writable(reference: string): Promise<string> {
    const folder = await this.resolve(reference);
    if (await isShipped(folder))
      throw new UsageError(
        `${BUILTIN_DICTIONARY} ships with the product and is not changed; make a copy (ssae dictionary export, then import)`,
      );
    return folder;
  }

  async list(): Promise<DictionarySummary[]> {
    const summaries: DictionarySummary[] = [];
    for (const name of await this.names()) summaries.push(await this.show(name));
    return summaries;
  }

  async show(reference: string): Promise<DictionarySummary> {
    const path = await this.resolve(reference);
    const { name, shape, origin, contentHash, densities, transcoder } = await this.load(reference);
    const { size } = await stat(join(path, 'sae_weights.safetensors'));
    const { architecture, dIn, dSae } = shape;
    const kind = transcoder === undefined ? architecture.kind : 'transcoder';
    return {
      ...{ name, architecture: kind, dIn, dSae, k: architecture.kind === 'topk' ? architecture.k : null },
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
