import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runDaemon } from '../../server/daemon/daemon.ts';
import { Home } from '../../server/foundation/home.ts';
import { openSlowServices } from './slow-services.ts';

const { values } = parseArgs({ options: { home: { type: 'string' } } });
try {
  await runDaemon(
    {
      home: new Home(values.home),
      version: '0.0.0-test',
      idleMinutes: Number(process.env['SSAE_DAEMON_IDLE_MINUTES'] ?? 30),
      parallelJobs: Number(process.env['SSAE_DAEMON_JOBS'] ?? 1),
      jobProgram: fileURLToPath(new URL('./slow-job.mjs', import.meta.url)),
    },
    openSlowServices,
  );
  process.exit(0);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
