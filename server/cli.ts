import { EXIT, runCommandLine } from './cli/command-line.ts';

const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.on(name, () => {
    // The first asks the work to stop at its next checkpoint, the second does not wait.
    if (interruption.signal.aborted) process.exit(EXIT.interrupted);
    interruption.abort();
  });
// Whoever reads our output, `head` for one, may have had enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  throw error;
});

process.exitCode = await runCommandLine({
  words: process.argv.slice(2),
  input: process.stdin,
  output: process.stdout,
  errors: process.stderr,
  variables: process.env,
  interrupted: interruption.signal,
  openServices: async (home, options) => (await import('./services/studio.ts')).openServices(home, options),
});
