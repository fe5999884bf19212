import { randomBytes } from 'node:crypto';
import { rmdirSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { WorkError } from '../foundation/errors.ts';
import { sha256 } from '../foundation/hash.ts';
import { type EndpointFile, publishEndpoint } from '../protocol/endpoint.ts';
import { PROTOCOL_VERSION } from '../protocol/messages.ts';
import { ensurePrivateFolder } from '../protocol/private-folder.ts';

/** Bytes of a Unix socket's path: 104 on macOS, 108 on Linux, with the closing zero. */
const MAX_SOCKET_PATH_BYTES = 103;

async function socketPath(folder: string): Promise<string> {
  const name = `${process.pid}-${randomBytes(4).toString('hex')}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\ssae-${name}-${randomBytes(16).toString('hex')}`;
  const path = join(folder, `${name}.sock`);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return path;
  const short = join(tmpdir(), `ssae-${process.getuid?.() ?? 0}-${sha256(folder).slice(0, 16)}`);
  await ensurePrivateFolder(short);
  return join(short, `${name}.sock`);
}

/** The daemon's open door: it listens, and its endpoint file says where. */
export class Listener {
  readonly endpoint: EndpointFile;
  readonly #server: Server;

  private constructor(server: Server, endpoint: EndpointFile) {
    this.#server = server;
    this.endpoint = endpoint;
  }

  /**
   * Listens in a folder that only its owner can enter.
   * @throws WorkError when a daemon lives there already.
   */
  static async open(folder: string, version: string, accept: (socket: Socket) => void): Promise<Listener> {
    await ensurePrivateFolder(folder);
    const socket = await socketPath(folder);
    const server = createServer(accept);
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        reject(new WorkError(`could not listen on ${socket}: ${error.message}`, { cause: error }));
      });
      server.listen(socket, resolve);
    });
    if (process.platform !== 'win32') await chmod(socket, 0o600);
    const endpoint = {
      pid: process.pid,
      version,
      protocol: PROTOCOL_VERSION,
      socket,
      token: randomBytes(32).toString('hex'),
      started: new Date().toISOString(),
    };
    const first = await publishEndpoint(folder, endpoint);
    if (first !== null) {
      server.close();
      throw new WorkError(
        `a daemon runs already for ${folder}: process ${first.pid}, version ${first.version}, since ${first.started}`,
      );
    }
    return new Listener(server, endpoint);
  }

  /** Takes no more connections; the socket's file is gone after. */
  close(): void {
    this.#server.close();
    try {
      if (process.platform !== 'win32') rmdirSync(dirname(this.endpoint.socket));
    } catch {
      // The home's own folder, which holds more; only a short one made for the socket is empty now.
    }
  }
}
