/** Daemons in real processes, each in a home folder of its own, none left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { Home } from '../../server/foundation/home.ts';
import { packageRoot } from '../../server/foundation/package-root.ts';
import { DaemonConnection } from '../../server/protocol/connection.ts';
import { type Endpoint, newestEndpoint } from '../../server/protocol/endpoint.ts';
import { TrainRequest } from '../../server/protocol/requests.ts';

/** Bundles the test's own daemon; no setting of the shipped one loads foreign code. */
export async function bundleSlowDaemon(): Promise<{ program: string; remove: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'ssae-slow-daemon-'));
  await build({
    entryPoints: ['slow-daemon', 'slow-job'].map((name) => join(packageRoot, 'test', 'daemon', `${name}.ts`)),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'warning',
    banner: {
      js: "import { createRequire as ssaeCreateRequire } from 'node:module'; const require = ssaeCreateRequire(import.meta.url);",
    },
  });
  return {
    program: join(folder, 'slow-daemon.mjs'),
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function until<T>(what: string, look: () => Promise<T | null | false> | T | null | false): Promise<T> {
  for (let tries = 0; tries < 1500; tries++) {
    const found = await look();
    if (found !== null && found !== false) return found;
    await sleep(20);
  }
  throw new Error(`waited in vain: ${what}`);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A home folder and the daemons that a test starts in it. */
export class Workbench implements AsyncDisposable {
  readonly home: Home;
  readonly #root = mkdtempSync(join(tmpdir(), 'ssae-daemon-'));
  readonly #program: string;
  readonly #children: ChildProcess[] = [];
  readonly #connections: { dispose(): void }[] = [];

  constructor(program: string, ...below: string[]) {
    this.#program = program;
    this.home = new Home(join(this.#root, 'home', ...below));
  }

  /** Starts a process and does not wait; `said` collects its stderr. */
  spawn(variables: Record<string, string> = {}): { child: ChildProcess; exit: Promise<number | null>; said: string[] } {
    const child = spawn(process.execPath, [this.#program, '--home', this.home.folder], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...variables },
    });
    this.#children.push(child);
    // Also after a test that timed out and never came to its disposal.
    const end = (): void => void child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    const said: string[] = [];
    child.stderr.on('data', (text: Buffer) => said.push(text.toString()));
    const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
    return { child, exit, said };
  }

  async start(
    variables: Record<string, string> = {},
  ): Promise<ReturnType<Workbench['spawn']> & { endpoint: Endpoint }> {
    const started = this.spawn(variables);
    const endpoint = await until('the daemon publishes its endpoint', async () => {
      const newest = await newestEndpoint(this.home.daemon);
      return newest !== null && newest.pid === started.child.pid ? newest : null;
    });
    return { ...started, endpoint };
  }

  async connect(name = 'test'): Promise<DaemonConnection> {
    const connection = await DaemonConnection.open(this.home.daemon, name);
    if (connection === null) throw new Error('no daemon listens');
    this.#connections.push(connection);
    return connection;
  }

  /** A bare socket to the daemon, for what no client of ours would send. */
  async raw(): Promise<RawPeer> {
    const endpoint = await newestEndpoint(this.home.daemon);
    const peer = new RawPeer(connect(endpoint!.socket));
    this.#connections.push(peer);
    return peer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.dispose();
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
    rmSync(this.#root, { recursive: true, force: true });
  }
}

export class RawPeer {
  /** What the daemon sent so far. */
  text = '';
  /** Everything the daemon sent until it closed the connection. */
  readonly all: Promise<string>;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
    socket.on('error', () => undefined);
    this.all = new Promise((resolve) => {
      socket.once('close', () => {
        resolve(this.text);
      });
    });
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  send(message: unknown): void {
    const body = JSON.stringify(message);
    this.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  dispose(): void {
    this.#socket.destroy();
  }
}

/** A job of the slow daemon: so many steps of so many milliseconds each. */
export function steps(
  count: number,
  milliseconds: number,
  output = 'counter',
): { kind: 'train'; request: TrainRequest } {
  const request = TrainRequest.parse({
    data: { kind: 'activations', file: 'none' },
    architecture: { kind: 'topk', k: 1 },
    dSae: 1,
    tokens: count,
    batch: milliseconds,
    output,
  });
  return { kind: 'train', request };
}
