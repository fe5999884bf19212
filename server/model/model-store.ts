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
import { downloadModel } from './hub.ts';
import { readModelConfig } from './model-config.ts';
import { ModelTokenizer } from './model-tokenizer.ts';
import { OnnxLanguageModel } from './onnx-language-model.ts';

export const BUILTIN_MODEL = 'builtin';
/** In a stored model's folder: where it came from, and which of its files is meant. */
const ORIGIN_FILE = 'ssae-origin.json';
const HUB_ID = /^[\w.-]{1,96}\/[\w.-]{1,96}$/;
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

  /** Whether a model goes by that name or path. */
  async has(model: string): Promise<boolean> {
    return (await this.names()).includes(model) || existsSync(resolve(model));
  }

  /** @throws UsageError when no model goes by that name or path */
  async resolve(model: string): Promise<ModelPlace> {
    const stored = join(this.#home.models, model);
    if (model === BUILTIN_MODEL) {
      const folder = shippedFile('server', 'embedded', 'models', 'ssae-lm');
      return { name: model, folder, file: await onnxFileOf(folder), source: 'built in' };
    }
    if (STORED_NAME.test(model) && existsSync(stored)) {
      const origin = (await readJson(join(stored, ORIGIN_FILE))) as { source: string; file: string };
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
      },
      tokenizer,
      { folder: place.folder, file: place.file, threads },
      async (weightFiles) => sha256(await this.#graphHash(place, weightFiles), tokenizer.contentHash),
    );
  }

  /** Over the graph and its weights. Hashing gigabytes takes seconds, so the result is kept by path, size and time of change. */
  async #graphHash({ folder, file }: ModelPlace, weightFiles: readonly string[]): Promise<string> {
    const graph = resolve(folder, file);
    const paths = [...new Set([graph, ...weightFiles.map((path) => resolve(dirname(graph), path))])];
    const states = await Promise.all(paths.map((path) => stat(path)));
    const key = sha256(JSON.stringify(states.map(({ size, mtimeMs }, i) => [paths[i], size, mtimeMs])));
    const kept = join(this.#home.cache, 'model-hashes', key);
    const known = await readFile(kept, 'utf8').catch(() => null);
    if (known !== null && /^[0-9a-f]{64}$/.test(known)) return known;
    const hash = sha256((await Promise.all(paths.map(sha256OfFile))).join('\n'));
    await writeFileAtomic(kept, hash);
    return hash;
  }

  /**
   * Takes a model up under a name of its own: copied from a folder, or downloaded from the hub where that was agreed to. A download that
   * was broken off goes on where it stopped.
   * @throws UsageError when the source does not exist or the name is taken, WorkError when the model cannot be cut
   */
  async add(request: AddModelRequest, control: JobControl): Promise<ModelSummary> {
    throwIfStopped(control);
    const isHere = existsSync(resolve(request.source));
    if (!isHere && !(HUB_ID.test(request.source) && request.download))
      throw new UsageError(
        `model source "${request.source}" does not exist; expected a folder, an .onnx file, or a hub id owner/name whose download was agreed to`,
      );
    const name = request.name ?? basename(request.source).replace(/\.onnx$/, '');
    await this.#checkNew(name);
    const target = join(this.#home.models, name);
    const part = `${target}.part`;
    const { source, file } = isHere ? await this.#copy(request, part) : await this.#download(request, part, control);
    await writeFileAtomic(join(part, ORIGIN_FILE), JSON.stringify({ source, file }));
    await (await this.open(join(part, file), 1))[Symbol.asyncDispose]();
    await rename(part, target);
    return this.summary(name);
  }

  async #copy({ source, file }: AddModelRequest, part: string): Promise<{ source: string; file: string }> {
    const found = await this.#atPath(source, resolve(source));
    const place = file === null ? found : { ...found, file };
    if (!existsSync(join(place.folder, place.file)))
      throw new UsageError(`--file is "${place.file}", which ${place.folder} does not hold`);
    await rm(part, { recursive: true, force: true });
    await mkdir(dirname(part), { recursive: true });
    await cp(place.folder, part, { recursive: true, dereference: true });
    return place;
  }

  async #download(
    { source, file }: AddModelRequest,
    part: string,
    control: JobControl,
  ): Promise<{ source: string; file: string }> {
    const begun = join(part, ORIGIN_FILE);
    const earlier = existsSync(begun) ? ((await readJson(begun)) as { source?: string }) : {};
    if (earlier.source !== source) await rm(part, { recursive: true, force: true });
    await writeFileAtomic(begun, JSON.stringify({ source, file }));
    return { source, file: await downloadModel(source, file, USUAL_FILES, part, control) };
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
