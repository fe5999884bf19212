import { parseArgs } from 'node:util';
import { messageOf, UsageError } from './foundation/errors.ts';
import { Home } from './foundation/home.ts';
import { productVersion, workerBundle } from './foundation/package-root.ts';
import { reserveLanceThreads } from './corpus/lance-threads.ts';
import { runDaemon } from './daemon/daemon.ts';
import { openStudio } from './daemon/open-studio.ts';

function setting(name: string, standard: number, least: number): number {
  const given = process.env[name];
  if (given === undefined || given === '') return standard;
  const value = Number(given);
  if (!Number.isFinite(value) || value < least)
    throw new UsageError(`${name} is "${given}"; a number of at least ${least} was expected`);
  return value;
}

reserveLanceThreads();
try {
  const { values } = parseArgs({ options: { home: { type: 'string' } } });
  const home = new Home(values.home);
  const idleMinutes = setting('SSAE_DAEMON_IDLE_MINUTES', 30, 0.001);
  const parallelJobs = Math.floor(setting('SSAE_DAEMON_JOBS', 1, 1));
  await runDaemon(
    { home, version: productVersion, idleMinutes, parallelJobs, jobProgram: workerBundle('job') },
    openStudio,
  );
  process.exit(0);
} catch (error) {
  // Read from startup.log by whoever started the daemon.
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
