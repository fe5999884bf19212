/**
 * Where the daemon of a home folder listens. Each daemon publishes `endpoint-N.json` with N one above the last, created
 * exclusively; the highest N counts. Nobody ever removes a file that could be a living daemon's, so two daemons that start at the
 * same moment, or after one that died, cannot both win, and no lock has to be broken.
 */
import { randomBytes } from 'node:crypto';
import { link, open, readdir, readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';

const EndpointFile = z.object({
  pid: z.int(),
  /** Of the product. */
  version: z.string(),
  protocol: z.int(),
  /** Path of a Unix socket, or name of a Windows pipe. */
  socket: z.string().min(1).max(1024),
  /** Shown by clients in `hello`: 32 random bytes, hexadecimal. */
  token: z.string().min(1).max(256),
  started: z.string(),
});
export type EndpointFile = z.infer<typeof EndpointFile>;
export interface Endpoint extends EndpointFile {
  readonly generation: number;
}

const CONNECT_MILLISECONDS = 2000;
const MAX_ENDPOINT_BYTES = 64 * 1024;

const fileOf = (folder: string, generation: number): string => join(folder, `endpoint-${generation}.json`);

async function generations(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .map((name) => /^endpoint-(\d{1,15})\.json$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => b - a);
}

async function read(folder: string, generation: number): Promise<Endpoint | null> {
  try {
    const text = await readFile(fileOf(folder, generation), 'utf8');
    return text.length > MAX_ENDPOINT_BYTES ? null : { ...EndpointFile.parse(JSON.parse(text)), generation };
  } catch {
    return null; // Removed by a newer daemon meanwhile, or not written by one: nobody listens there.
  }
}

/** What the newest daemon of this folder published, living or dead; null when there was none. */
export async function newestEndpoint(folder: string): Promise<Endpoint | null> {
  const [newest] = await generations(folder);
  return newest === undefined ? null : read(folder, newest);
}

/** A connection to the daemon there; null when nobody listens. */
export async function tryConnect(endpoint: EndpointFile): Promise<Socket | null> {
  return new Promise((settle) => {
    const socket = connect(endpoint.socket);
    const give = (result: Socket | null): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      if (result === null) socket.on('error', () => undefined).destroy();
      settle(result);
    };
    const timer = setTimeout(give, CONNECT_MILLISECONDS, null);
    socket.once('connect', () => {
      give(socket);
    });
    socket.once('error', () => {
      give(null);
    });
  });
}

/**
 * Publishes an endpoint that already listens.
 * @returns null when it is now the newest, else the endpoint of the living daemon that was first.
 */
export async function publishEndpoint(folder: string, endpoint: EndpointFile): Promise<Endpoint | null> {
  const temporary = join(folder, `.${randomBytes(8).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(JSON.stringify(endpoint));
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    for (;;) {
      const [newest] = await generations(folder);
      const other = newest === undefined ? null : await livingAt(folder, newest);
      if (other !== null) return other;
      const mine = (newest ?? 0) + 1;
      if (!(await linkExclusively(temporary, fileOf(folder, mine)))) continue;
      const after = await generations(folder);
      if (after[0] === mine) {
        await removeDead(folder, after.slice(1));
        return null;
      }
      await rm(fileOf(folder, mine), { force: true }); // A newer one appeared while we looked at a dead one.
    }
  } finally {
    await rm(temporary, { force: true });
  }
}

async function livingAt(folder: string, generation: number): Promise<Endpoint | null> {
  const endpoint = await read(folder, generation);
  const socket = endpoint === null ? null : await tryConnect(endpoint);
  socket?.destroy();
  return socket === null ? null : endpoint;
}

async function linkExclusively(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function removeDead(folder: string, dead: readonly number[]): Promise<void> {
  for (const generation of dead) {
    const endpoint = await read(folder, generation);
    if (endpoint !== null && process.platform !== 'win32') await rm(endpoint.socket, { force: true });
    await rm(fileOf(folder, generation), { force: true });
  }
}
