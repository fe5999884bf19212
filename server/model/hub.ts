import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Interrupted, messageOf, UsageError, WorkError } from '../foundation/errors.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';

/** What a model needs besides its graph and weights, where the repository has it. */
const SMALL_FILES: ReadonlySet<string> = new Set([
  ...['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'],
  ...['README.md', 'LICENSE', 'LICENSE.txt', 'LICENSE.md'],
]);
const MAX_SMALL_BYTES = 256 * 2 ** 20;
const MAX_FILES = 10_000;
/** A connection that breaks is taken up again this often without a byte of progress. */
const MAX_ATTEMPTS = 5;
const RESUME_HINT = 'what was downloaded is kept; the same command goes on from there';

/** A file of a repository, as the hub lists it. */
const Listed = z.object({
  type: z.string(),
  path: z.string().max(1000),
  size: z.int().min(0),
  /** Git's hash of the content (of the pointer, where the content is stored apart). */
  oid: z.string(),
  lfs: z.object({ oid: z.string(), size: z.int().min(0) }).optional(),
});
type Listed = z.infer<typeof Listed>;

/** HF_ENDPOINT, as Hugging Face's own libraries read it, for mirrors and tests. */
function endpoint(): string {
  return (process.env['HF_ENDPOINT'] ?? 'https://huggingface.co').replace(/\/+$/, '');
}

async function get(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  const token = process.env['HF_TOKEN'];
  const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return fetch(url, { headers: { ...headers, ...authorization }, signal });
}

function refusal(id: string, status: number, url: string): WorkError {
  if (status === 404) return new WorkError(`the hub has no "${id}" (${url} is not there); look for a misspelling`);
  if (status === 401 || status === 403)
    return new WorkError(
      `the hub does not give "${id}" to everybody (status ${status}): it does not exist, or its terms must be accepted on its page and HF_TOKEN set`,
    );
  return new WorkError(`the hub answered ${url} with status ${status}; try again later. ${RESUME_HINT}`);
}

async function listFiles(id: string, signal: AbortSignal): Promise<Listed[]> {
  const files: Listed[] = [];
  let url: string | undefined = `${endpoint()}/api/models/${id}/tree/main?recursive=true`;
  while (url !== undefined) {
    const response: Response = await get(url, {}, signal).catch((error: unknown) => {
      throw new WorkError(`could not reach ${endpoint()}: ${reasonOf(error)}; models in a folder need no network`);
    });
    if (!response.ok) throw refusal(id, response.status, url);
    const page = z.array(Listed).safeParse(await response.json());
    if (!page.success) throw new WorkError(`the hub's list of files of "${id}" has another form than expected`);
    files.push(...page.data.filter(({ type }) => type === 'file'));
    if (files.length > MAX_FILES) throw new WorkError(`"${id}" has more than ${MAX_FILES} files; that is no model's`);
    url = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  }
  return files;
}

/** The graph, its weights beside it (`model.onnx_data`, `model.onnx.data`), configuration and tokenizer. */
function filesOfModel(id: string, files: readonly Listed[], file: string): Listed[] {
  const graphs = files.map(({ path }) => path).filter((path) => path.endsWith('.onnx'));
  if (!graphs.includes(file))
    throw new UsageError(
      graphs.length === 0
        ? `"${id}" has no ONNX file; look for a repository that does (often the name with "-ONNX")`
        : `--file is "${file}", which "${id}" does not have; it has: ${graphs.join(', ')}`,
    );
  const wanted = files.filter(
    ({ path }) => SMALL_FILES.has(path) || path === file || path.startsWith(`${file}_data`) || path === `${file}.data`,
  );
  for (const { path, size } of wanted) {
    const isInside = !normalize(path).startsWith('..') && !path.startsWith('/') && !/[\\:\0]/.test(path);
    if (!isInside) throw new WorkError(`"${id}" has a file named "${path}", which would lie outside of its folder`);
    if (SMALL_FILES.has(path) && size > MAX_SMALL_BYTES)
      throw new WorkError(`${path} of "${id}" has ${size} bytes; at most ${MAX_SMALL_BYTES} are expected`);
  }
  return wanted;
}

function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}

/** The hash the hub gives for a content: SHA-256 where it is stored apart, else git's. */
async function hashOfContent(path: string, { lfs, size }: Listed): Promise<string> {
  const hash = lfs === undefined ? createHash('sha1').update(`blob ${size}\0`) : createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

/** One repository's download into a folder. Files are whole once they have their name; until then they end in `.partial`. */
class HubDownload {
  readonly #id: string;
  readonly #folder: string;
  readonly #control: JobControl;
  #done = 0;
  #total = 0;

  constructor(id: string, folder: string, control: JobControl) {
    this.#id = id;
    this.#folder = folder;
    this.#control = control;
  }

  async run(files: readonly Listed[]): Promise<void> {
    this.#total = files.reduce((sum, { size }) => sum + size, 0);
    for (const file of files) {
      const path = join(this.#folder, ...file.path.split('/'));
      const isThere = (await stat(path).catch(() => null))?.size === file.size;
      if (isThere) this.#report(file.size);
      else await this.#fetchWhole(file, path);
    }
  }

  async #fetchWhole(file: Listed, path: string): Promise<void> {
    const partial = `${path}.partial`;
    await mkdir(dirname(path), { recursive: true });
    let attempts = 0;
    for (let have = await sizeOf(partial); have < file.size || attempts === 0; have = await sizeOf(partial)) {
      try {
        if (have > file.size) await rm(partial);
        await this.#fetchRest(file, partial, Math.min(have, file.size));
        attempts = Math.max(1, attempts);
      } catch (error) {
        throwIfStopped(this.#control, RESUME_HINT);
        if (error instanceof WorkError || error instanceof Interrupted) throw error;
        attempts = (await sizeOf(partial)) > have ? 1 : attempts + 1;
        if (attempts >= MAX_ATTEMPTS)
          throw new WorkError(`the download of ${file.path} broke off: ${reasonOf(error)}; ${RESUME_HINT}`, {
            cause: error,
          });
        await sleep(200 * 2 ** attempts);
      }
    }
    if ((await hashOfContent(partial, file)) !== (file.lfs?.oid ?? file.oid)) {
      await rm(partial);
      throw new WorkError(`${file.path} arrived damaged: its hash is not the hub's. It was deleted; download again`);
    }
    await rename(partial, path);
  }

  /** Appends what is missing. @param have bytes that are there */
  async #fetchRest(file: Listed, partial: string, have: number): Promise<void> {
    const url = `${endpoint()}/${this.#id}/resolve/main/${file.path.split('/').map(encodeURIComponent).join('/')}`;
    const response = await get(url, have > 0 ? { range: `bytes=${have}-` } : {}, this.#control.signal);
    if (!response.ok) throw refusal(this.#id, response.status, url);
    const isRest = response.status === 206;
    const output = await open(partial, isRest ? 'a' : 'w');
    let written = isRest ? have : 0;
    this.#report(written);
    try {
      for await (const chunk of response.body ?? []) {
        const bytes = chunk as Uint8Array;
        if (written + bytes.length > file.size)
          throw new WorkError(`${url} sends more than the ${file.size} bytes that the hub lists`);
        await output.write(bytes);
        written += bytes.length;
        this.#report(bytes.length);
      }
    } catch (error) {
      this.#done -= written;
      throw error;
    } finally {
      await output.close();
    }
    if (written < file.size) {
      this.#done -= written;
      throw new Error('the connection was closed early');
    }
  }

  #report(bytes: number): void {
    this.#done += bytes;
    this.#control.report({ stage: `downloading ${this.#id}`, done: this.#done, total: this.#total, unit: 'bytes' });
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}

/**
 * Downloads a model of the hub into a folder, or what is missing there of an earlier download. Each file is checked against the hub's hash.
 * @param id owner/name
 * @param file which graph; null for the usual one
 * @returns the graph's path below the folder
 */
export async function downloadModel(
  id: string,
  file: string | null,
  usual: readonly string[],
  folder: string,
  control: JobControl,
): Promise<string> {
  control.report({ stage: `asking the hub about ${id}`, done: 0, total: null, unit: 'bytes' });
  const files = await listFiles(id, control.signal);
  const graph = file ?? usual.find((path) => files.some((listed) => listed.path === path)) ?? usual[0]!;
  await new HubDownload(id, folder, control).run(filesOfModel(id, files, graph));
  return graph;
}
