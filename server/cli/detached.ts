import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DaemonConnection } from '../protocol/connection.ts';
import type { JobSpec } from '../protocol/jobs.ts';
import type { CliCommand } from './cli-command.ts';
import type { Outcome, Shell } from './shell.ts';

/** Adds --detach to a command whose work the daemon can do as a job. */
export function offerDetach(command: CliCommand): CliCommand {
  return command
    .option('--detach', 'hand the work to the daemon as a job, and return at once')
    .example('ssae job follow 3f2a', 'Watch a job that was handed over with --detach');
}

/** The daemon has another working folder: a path is made absolute, the name of something stored stays. */
export function placeOf(nameOrPath: string): string {
  return /[\\/]/.test(nameOrPath) && existsSync(nameOrPath) ? resolve(nameOrPath) : nameOrPath;
}

/** The same for something that is to be written. */
export function outputPlaceOf(nameOrPath: string): string {
  return /[\\/]/.test(nameOrPath) ? resolve(nameOrPath) : nameOrPath;
}

/** Talks to the daemon, starting it where none runs. */
export async function withDaemon<T>(shell: Shell, work: (daemon: DaemonConnection) => Promise<T>): Promise<T> {
  const { connectDaemon } = await import('../daemon/client.ts');
  const daemon = await connectDaemon(shell.home);
  try {
    return await work(daemon);
  } finally {
    daemon.dispose();
  }
}

/** Submits a job and returns. */
export async function detach(shell: Shell, spec: JobSpec): Promise<Outcome> {
  const { StartJob } = await import('../protocol/messages.ts');
  const json = await withDaemon(shell, (daemon) => daemon.request(StartJob, spec, shell.control.signal));
  return { json, text: () => `${json.kind} is job ${json.id}. Watch it with: ssae job follow ${json.id}` };
}
