import { type ChildProcess, spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Home } from '../foundation/home.ts';
import { messageOf, WorkError } from '../foundation/errors.ts';
import { DaemonConnection } from './connection.ts';
import { newestEndpoint } from './endpoint.ts';
import { PROTOCOL_VERSION } from './messages.ts';
import { ensurePrivateFolder } from './private-folder.ts';

export interface LaunchOptions {
  /** Home folder of the product's state; null for the platform's own. */
  readonly home: string | null;
  /** The Node program to start the daemon with. */
  readonly node: string;
  /** The daemon's bundle, dist/server/main.js. */
  readonly program: string;
  /** Who asks, for the daemon's log: "ssae 0.1.0". */
  readonly client: string;
  /** Milliseconds until a started daemon has to answer. */
  readonly deadline?: number;
}

const DEADLINE_MILLISECONDS = 20_000;
const POLL_MILLISECONDS = 25;
/** Starts tried before giving up: a daemon that lost a race or was stopping when we came is no reason to fail. */
const MAX_STARTS = 3;

/** Folder of the daemon's socket and logs below a home folder (null: the platform's own). */
export function daemonFolder(home: string | null): string {
  return new Home(home ?? undefined).daemon;
}

/** What the daemon writes before its own log is open: Node's own complaints about a broken installation. */
export const startupLog = (folder: string): string => join(folder, 'startup.log');
export const daemonLog = (folder: string): string => join(folder, 'daemon.log');

/**
 * Connects to the daemon, after starting it where none runs.
 * @throws WorkError when it cannot be started or does not answer in time: what, why, and which log to look at.
 */
export async function connectOrLaunch(options: LaunchOptions): Promise<DaemonConnection> {
  const folder = daemonFolder(options.home);
  const end = Date.now() + (options.deadline ?? DEADLINE_MILLISECONDS);
  let why = 'it did not answer in time';
  let child: ChildProcess | null = null;
  let starts = 0;
  while (Date.now() < end) {
    try {
      const connection = await DaemonConnection.open(folder, options.client);
      if (connection !== null) return connection;
    } catch (error) {
      // Refused for good, except by a daemon on its way out, which a new one replaces.
      if (!/is stopping|closed the connection/.test(messageOf(error))) throw error;
      why = messageOf(error);
    }
    if (child === null || child.exitCode !== null || child.signalCode !== null) {
      if (child !== null) why = await exitReason(folder, child);
      if (starts >= MAX_STARTS) break;
      starts++;
      child = await launch(folder, options);
    }
    await sleep(POLL_MILLISECONDS * starts);
  }
  child?.kill(); // What never answered is not left running.
  throw new WorkError(`the daemon could not be started: ${why}. See ${startupLog(folder)} and ${daemonLog(folder)}.`);
}

/** Whether the daemon that was published last speaks another version of the protocol, so that it has to be stopped first. */
export async function isOfOtherProtocol(home: string | null): Promise<boolean> {
  const endpoint = await newestEndpoint(daemonFolder(home));
  return endpoint !== null && endpoint.protocol !== PROTOCOL_VERSION;
}

async function launch(folder: string, { home, node, program }: LaunchOptions): Promise<ChildProcess> {
  await ensurePrivateFolder(folder);
  const log = await open(startupLog(folder), 'w', 0o600);
  try {
    const child = spawn(node, [program, ...(home === null ? [] : ['--home', home])], {
      detached: true,
      cwd: folder, // Not the client's, which may be removed while the daemon lives.
      stdio: ['ignore', 'ignore', log.fd],
      windowsHide: true,
      // Inside VS Code `node` may be Electron, which is Node only when told so.
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => {
        reject(new WorkError(`the daemon could not be started with ${node}: ${error.message}`, { cause: error }));
      });
    });
    child.unref();
    return child;
  } finally {
    await log.close();
  }
}

async function exitReason(folder: string, child: ChildProcess): Promise<string> {
  const said = await readFile(startupLog(folder), 'utf8').catch(() => '');
  const ended =
    child.signalCode === null ? `exited with status ${String(child.exitCode)}` : `was ended by ${child.signalCode}`;
  // Of a program that Node could not run, the line with the error; the rest is in the log.
  const words = /^\w*Error(?: \[\w+\])?: .*$/m.exec(said)?.[0] ?? said.trim().slice(-600);
  return words === '' ? `it ${ended}` : `it ${ended}, saying: ${words}`;
}
