import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { UsageError, unknownName, WorkError } from '../foundation/errors.ts';
import { readJson, writeFileAtomic } from '../foundation/files.ts';
import { sha256, sha256OfFile } from '../foundation/hash.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';
import type { Home } from '../foundation/home.ts';
import { shippedFile } from '../foundation/package-root.ts';
import type { AddModelRequest } from '../protocol/requests.ts';
import type { ModelSummary } from '../protocol/results.ts';
import { readModelConfig } from './model-config.ts';
import { ModelTokenizer } from './model-tokenizer.ts';
import { OnnxLanguageModel } from './onnx-language-model.ts';

export const BUILTIN_MODEL = 'builtin';
const STORED_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** Read before the others where a folder holds several. */
const USUAL_FILES = ['onnx/model.onnx', 'model.onnx', 'onnx/decoder_model_merged.onnx', 'onnx/decoder_model.onnx'];

/** A model folder and the ONNX file in it. */
export interface ModelPlace {
  readonly name: string;
  readonly folder: string;
  /** Below the folder. */
  readonly file: string;
  readonly source: string;
}

async function onnxFileOf(folder: string): Promise<string> {
  const usual = USUAL_FILES.find((file) => existsSync(join(folder, file)));
  if (usual !== undefined) return usual;
  const found = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.onnx')).sort();
  if (found.length === 0) throw new WorkError(`${folder} holds no .onnx file`);
  return found[0]!;
}

/** The folder with config.json above a file: the file's own, or the one above `onnx/`. */
function modelFolderOf(file: string): string {
  const own = dirname(file);
  return existsSync(join(own, 'config.json')) ? own : dirname(own);
}

/** Models by name: the built-in one, stored ones in the home folder, and those given by path. */
export class ModelStore {
  readonly #home: Home;

  constructor(home: Home) {
    this.#home = home;
  }

  async names(): Promise<string[]> {
    const stored = existsSync(this.#home.models) ? await readdir(this.#home.models) : [];
    return [BUILTIN_MODEL, ...stored.filter((name) => STORED_NAME.test(name) && !name.endsWith('.part')).sort()];
  }

  /** @throws UsageError when no model goes by that name or path */
  async resolve(model: string): Promise<ModelPlace> {
    const stored = join(this.#home.models, model);
    if (model === BUILTIN_MODEL) {
      const folder = shippedFile('server', 'embedded', 'models', 'ssae-lm');
      return { name: model, folder, file: await onnxFileOf(folder), source: 'built in' };
    }
    if (STORED_NAME.test(model) && existsSync(stored)) {
      const origin = (await readJson(join(stored, 'ssae-origin.json'))) as { source: string; file: string };
      return { name: model, folder: stored, file: origin.file, source: origin.source };
    }
    const path = resolve(model);
    if (!existsSync(path)) throw unknownName('model', model, await this.names());
    return this.#atPath(model, path);
  }

  async #atPath(name: string, path: string): Promise<ModelPlace> {
    if ((await stat(path)).isDirectory()) return { name, folder: path, file: await onnxFileOf(path), source: path };
    if (extname(path) !== '.onnx') throw new UsageError(`model is "${name}", a file that is not .onnx`);
    const folder = modelFolderOf(path);
    return { name, folder, file: relative(folder, path), source: path };
  }

  /** @param threads of onnxruntime; 0 for one a core */
  async open(model: string, threads = 0): Promise<OnnxLanguageModel> {
    const place = await this.resolve(model);
    const [config, tokenizer, files] = await Promise.all([
      readModelConfig(place.folder),
      ModelTokenizer.open(place.folder),
      filesOf(place),
    ]);
    return OnnxLanguageModel.open(
      {
        ...{ name: place.name, architecture: config.architecture, layers: config.layers, dModel: config.dModel },
        ...{ contextLength: config.contextLength, files, licence: await licenceOf(place.folder), source: place.source },
        contentHash: await this.#contentHash(place, files, tokenizer.contentHash),
      },
      tokenizer,
      { folder: place.folder, file: place.file, threads },
    );
  }

  /** Hashing gigabytes takes seconds, so the result is kept by path, size and time of change. */
  async #contentHash(
    { folder, file }: ModelPlace,
    files: readonly { readonly path: string; readonly bytes: number }[],
    tokenizerHash: string,
  ): Promise<string> {
    const weights = files.filter(({ path }) => path === file || !/\.(json|onnx|txt|md)$/.test(path));
    const states = await Promise.all(weights.map(async ({ path }) => (await stat(join(folder, path))).mtimeMs));
    const key = sha256(resolve(folder), JSON.stringify([weights, states]));
    const kept = join(this.#home.cache, 'model-hashes', key);
    const known = await readFile(kept, 'utf8').catch(() => null);
    if (known !== null && /^[0-9a-f]{64}$/.test(known)) return sha256(known, tokenizerHash);
    const hashes = await Promise.all(weights.map(({ path }) => sha256OfFile(join(folder, path))));
    const hash = sha256(hashes.join('\n'));
    await writeFileAtomic(kept, hash);
    return sha256(hash, tokenizerHash);
  }

  /** Copies a folder's model under a name of its own. */
  async add({ source, file, name: as }: AddModelRequest, control: JobControl): Promise<ModelSummary> {
    throwIfStopped(control);
    const path = resolve(source);
    if (!existsSync(path)) throw new UsageError(`model source "${source}" does not exist`);
    const found = await this.#atPath(source, path);
    const place = file === null ? found : { ...found, file };
    if (!existsSync(join(place.folder, place.file)))
      throw new UsageError(`--file is "${place.file}", which ${place.folder} does not hold`);
    const name = as ?? basename(place.folder);
    await this.#checkNew(name);
    await (await this.open(join(place.folder, place.file)))[Symbol.asyncDispose]();
    const target = join(this.#home.models, name);
    await mkdir(this.#home.models, { recursive: true });
    await rm(`${target}.part`, { recursive: true, force: true });
    await cp(place.folder, `${target}.part`, { recursive: true, dereference: true });
    await writeFileAtomic(
      join(`${target}.part`, 'ssae-origin.json'),
      JSON.stringify({ source: place.source, file: place.file }),
    );
    await rename(`${target}.part`, target);
    return this.summary(name);
  }

  async #checkNew(name: string): Promise<void> {
    if (!STORED_NAME.test(name))
      throw new UsageError(`--as is "${name}"; expected letters, digits, ".", "_" and "-", at most 100 of them`);
    if ((await this.names()).includes(name))
      throw new UsageError(`there is a model ${name} already; choose another name with --as, or remove it first`);
  }

  async summary(model: string): Promise<ModelSummary> {
    const place = await this.resolve(model);
    const { architecture } = await readModelConfig(place.folder);
    const bytes = (await filesOf(place)).reduce((sum, file) => sum + file.bytes, 0);
    return { name: place.name, architecture, source: place.source, bytes };
  }

  async remove(name: string): Promise<void> {
    if (name === BUILTIN_MODEL) throw new UsageError('the built-in model ships with the product and cannot be removed');
    if (!(await this.names()).includes(name)) throw unknownName('model', name, await this.names());
    await rm(join(this.#home.models, name), { recursive: true });
  }
}

async function filesOf({ folder }: ModelPlace): Promise<{ path: string; bytes: number }[]> {
  const names = (await readdir(folder, { recursive: true })).sort();
  const stats = await Promise.all(names.map(async (path) => ({ path, entry: await stat(join(folder, path)) })));
  return stats.filter(({ entry }) => entry.isFile()).map(({ path, entry }) => ({ path, bytes: entry.size }));
}

/** The licence named in a model card's front matter. */
async function licenceOf(folder: string): Promise<string | null> {
  const card = await readFile(join(folder, 'README.md'), 'utf8').catch(() => '');
  return /^license:\s*(\S+)/m.exec(card.slice(0, 4096))?.[1] ?? null;
}
