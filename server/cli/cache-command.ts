import type { CliCommand } from './cli-command.ts';
import { bytes } from './figures.ts';
import type { Outcome, Shell } from './shell.ts';

async function clear(shell: Shell): Promise<Outcome> {
  const json = await shell.withServices((services) => services.clearCaches());
  return { json, text: () => `freed ${bytes(json.bytes)}` };
}

export function addCache(program: CliCommand, shell: Shell): void {
  const cache = program
    .command('cache')
    .description('what is made again when it is needed: activations, feature indexes');
  cache
    .command('clear')
    .description('delete the caches, but for what a running job reads, and say how many bytes that freed')
    .example('ssae cache clear', 'Make room; the next training or feature page computes again')
    .action(() => shell.finish(clear(shell)));
  cache.example('ssae doctor', 'How large the caches are').example('ssae cache clear', 'Empty them');
}
