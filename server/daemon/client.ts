import { closeSync, openSync, readSync, fstatSync } from 'node:fs';
import type { Home } from '../foundation/home.ts';
import { productVersion, shippedFile } from '../foundation/package-root.ts';
import { DaemonConnection } from '../protocol/connection.ts';
import { connectOrLaunch, daemonLog } from '../protocol/launch.ts';

const client = `ssae ${productVersion}`;
const MAX_LOG_TAIL_BYTES = 256 * 1024;

/** Connects the command line to the daemon of a home folder, starting it where none runs. */
export async function connectDaemon(home: Home): Promise<DaemonConnection> {
  const program = shippedFile('dist', 'server', 'main.js');
  return connectOrLaunch({ home: home.folder, node: process.execPath, program, client });
}

/** The running daemon, or null: nothing is started. */
export async function findDaemon(home: Home): Promise<DaemonConnection | null> {
  return DaemonConnection.open(home.daemon, client);
}

/** Stops the daemon, also one of another version; returns once it has closed its door. False when none runs. */
export async function stopDaemon(home: Home): Promise<boolean> {
  return DaemonConnection.stop(home.daemon, client);
}

/** The last lines of the daemon's log; empty when there is none yet. */
export function readDaemonLog(home: Home, lines: number): readonly string[] {
  let file: number;
  try {
    file = openSync(daemonLog(home.daemon), 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, MAX_LOG_TAIL_BYTES));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString('utf8').trimEnd().split('\n').slice(-lines);
  } finally {
    closeSync(file);
  }
}
