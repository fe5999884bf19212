import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Home } from '../foundation/home.ts';
import { packageRoot, shippedFile } from '../foundation/package-root.ts';
import { unwatched } from '../foundation/progress.ts';
import { AddModelRequest } from '../protocol/requests.ts';
import { ModelStore } from './model-store.ts';

const fixture = shippedFile('test', 'fixtures', 'models', 'gpt2');
const fused = join(packageRoot, '..', 'shared', 'fixtures', 'models', 'llama-genai');

let folder: string;
let store: ModelStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-store-'));
  store = new ModelStore(new Home(join(folder, 'home')));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const request = (fields: object): AddModelRequest => AddModelRequest.parse(fields);

describe('the model store', () => {
  it('takes up a folder under a name, opens it by name and by path with one hash, and forgets it', async () => {
    await store.add(request({ source: fixture, name: 'small' }), unwatched);
    expect(await store.names()).toEqual(['builtin', 'small']);
    await using byName = await store.open('small', 1);
    await using byPath = await store.open(join(fixture, 'onnx', 'model.onnx'), 1);
    expect(byName.description).toMatchObject({
      architecture: 'GPT2LMHeadModel',
      layers: 3,
      dModel: 32,
      contextLength: 64,
    });
    expect(byName.description.contentHash).toBe(byPath.description.contentHash);
    await store.remove('small');
    expect(await store.names()).toEqual(['builtin']);
  });

  it('gives another hash when a weight or the tokenizer changes', async () => {
    const copy = join(folder, 'copy');
    await cp(fixture, copy, { recursive: true });
    const hashOf = async (): Promise<string> => {
      await using model = await store.open(copy, 1);
      return model.description.contentHash;
    };
    const before = await hashOf();
    const graph = readFileSync(join(copy, 'onnx', 'model.onnx'));
    graph[graph.length - 40_000]! ^= 1;
    await writeFile(join(copy, 'onnx', 'model.onnx'), graph);
    const after = await hashOf();
    await writeFile(join(copy, 'tokenizer_config.json'), '{}');
    expect(new Set([before, after, await hashOf()]).size).toBe(3);
  });

  it('refuses names that exist or leave the folder, and sources that are not there', async () => {
    await expect(store.add(request({ source: fixture, name: 'builtin' }), unwatched)).rejects.toThrow(/already/);
    await expect(store.add(request({ source: fixture, name: '../x' }), unwatched)).rejects.toThrow(/--as is/);
    await expect(store.add(request({ source: join(folder, 'none') }), unwatched)).rejects.toThrow(/does not exist/);
    await expect(store.add(request({ source: fixture, file: 'onnx/q4.onnx' }), unwatched)).rejects.toThrow(/q4/);
    await expect(store.remove('builtin')).rejects.toThrow(/cannot be removed/);
    await expect(store.open('builtn')).rejects.toThrow(/Nearest: builtin/);
  });

  it('names the file of a model that is damaged', async () => {
    const copy = join(folder, 'copy');
    await cp(fixture, copy, { recursive: true });
    await truncate(join(copy, 'onnx', 'model.onnx'), 100_000);
    await expect(store.open(copy)).rejects.toThrow(/model\.onnx is not a readable ONNX model/);
    await writeFile(join(copy, 'config.json'), '{"n_layer": -3}');
    await expect(store.open(copy)).rejects.toThrow(/config\.json/);
  });

  it.skipIf(!existsSync(fused))('says why a fused model cannot be cut (skipped: no shared/ fixtures)', async () => {
    await expect(store.add(request({ source: fused, name: 'fused' }), unwatched)).rejects.toThrow(/Fused skip-norm/);
    expect(await store.names()).toEqual(['builtin']);
  });
});

/** A hub in small: the two addresses that a download asks for. */
class SmallHub {
  readonly server: Server;
  readonly asked: string[] = [];
  /** Bytes after which the next answer breaks off. */
  breakAfter: number | null = null;
  damage = false;

  constructor(root: string) {
    const names = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(root.length + 1)
          .replaceAll('\\', '/'),
      );
    this.server = createServer((message, response) => {
      const url = message.url ?? '';
      this.asked.push(`${url} ${message.headers.range ?? ''}`.trim());
      if (url.startsWith('/api/models/owner/small/tree/main'))
        response.end(JSON.stringify(names.map((path) => listed(path, readFileSync(join(root, path))))));
      else if (url.startsWith('/owner/small/resolve/main/'))
        this.#send(
          readFileSync(join(root, url.slice('/owner/small/resolve/main/'.length))),
          message.headers.range,
          response,
        );
      else response.writeHead(404).end();
    });
  }

  #send(content: Buffer, range: string | undefined, response: ServerResponse): void {
    const from = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
    const body = Buffer.from(content.subarray(from));
    if (this.damage) body[body.length - 1]! ^= 1;
    response.writeHead(range === undefined ? 200 : 206, { 'content-length': body.length });
    if (this.breakAfter === null || body.length <= this.breakAfter) {
      response.end(body);
      return;
    }
    response.write(body.subarray(0, this.breakAfter), () => setTimeout(() => response.destroy(), 100));
    this.breakAfter = null;
  }
}

function listed(path: string, content: Buffer): object {
  const oid = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
  const entry = { type: 'file', path, size: content.length, oid };
  return path.endsWith('.onnx')
    ? {
        ...entry,
        oid: 'pointer',
        lfs: { oid: createHash('sha256').update(content).digest('hex'), size: content.length },
      }
    : entry;
}

describe('a download from the hub', () => {
  const hubModel = { source: 'owner/small', download: true };
  let hub: SmallHub;
  beforeAll(() => {
    hub = new SmallHub(fixture);
    return new Promise<void>((resolve) => hub.server.listen(0, '127.0.0.1', resolve));
  });
  beforeEach(() => {
    vi.stubEnv('HF_ENDPOINT', `http://127.0.0.1:${(hub.server.address() as AddressInfo).port}`);
    hub.asked.length = 0;
    hub.breakAfter = null;
    hub.damage = false;
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    hub.server.closeAllConnections();
    hub.server.close();
  });

  it('brings what the model needs and nothing else', async () => {
    const reports: number[] = [];
    const control = { ...unwatched, report: ({ done }: { done: number }) => void reports.push(done) };
    await store.add(request(hubModel), control);
    await using model = await store.open('small', 1);
    await using original = await store.open(fixture, 1);
    expect(model.description.contentHash).toBe(original.description.contentHash);
    expect(hub.asked.some((url) => url.includes('golden'))).toBe(false);
    expect(reports).toEqual([...reports].sort((a, b) => a - b));
  });

  it('goes on where the connection broke, and where an earlier command was stopped', async () => {
    hub.breakAfter = 50_000;
    await store.add(request(hubModel), unwatched);
    expect(hub.asked.filter((url) => /model\.onnx bytes=\d+-/.test(url))).toHaveLength(1);
    await store.remove('small');
    const stop = new AbortController();
    const stopping = {
      signal: stop.signal,
      report: ({ done }: { done: number }) => {
        if (done > 150_000) stop.abort();
      },
    };
    hub.breakAfter = 160_000;
    await expect(store.add(request(hubModel), stopping)).rejects.toThrow(/interrupted/);
    hub.asked.length = 0;
    await store.add(request(hubModel), unwatched);
    expect(hub.asked.filter((url) => url.includes('config.json'))).toEqual([]);
    expect(await store.names()).toContain('small');
  });

  it('keeps nothing that arrived damaged', async () => {
    hub.damage = true;
    await expect(store.add(request(hubModel), unwatched)).rejects.toThrow(/arrived damaged/);
    hub.damage = false;
    await store.add(request(hubModel), unwatched);
  });

  it('is not begun unless it was agreed to, and says what the hub does not have', async () => {
    await expect(store.add(request({ source: 'owner/small' }), unwatched)).rejects.toThrow(/agreed/);
    expect(hub.asked).toEqual([]);
    await expect(store.add(request({ ...hubModel, file: 'onnx/q4.onnx' }), unwatched)).rejects.toThrow(
      /it has: onnx\/model\.onnx/,
    );
    await expect(store.add(request({ ...hubModel, source: 'owner/other' }), unwatched)).rejects.toThrow(
      /no "owner\/other"/,
    );
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
    await expect(store.add(request(hubModel), unwatched)).rejects.toThrow(/could not reach/);
  });
});
