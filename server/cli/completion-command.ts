import { readdir } from 'node:fs/promises';
import { Option } from 'commander';
import { UsageError } from '../foundation/errors.ts';
import type { CliCommand } from './cli-command.ts';
import { completionScript, SHELLS, STORED, type ShellName, type Stored } from './completion-script.ts';
import type { Outcome, Shell } from './shell.ts';
import { oneOf } from './values.ts';

/** Names are read from the folders, so that a key press never waits for the services. */
async function storedNames({ home }: Shell, stored: Stored): Promise<string[]> {
  const folders = {
    model: home.models,
    corpus: home.corpora,
    seeds: home.seeds,
    selection: home.selections,
    dictionary: home.dictionaries,
  };
  const builtIn = { model: ['builtin'], dictionary: ['builtin-gsae'], corpus: [], seeds: [], selection: [] }[stored];
  const entries = await readdir(folders[stored]).catch(() => []);
  const names = entries
    .filter((entry) => !/^\.|\.(tmp|old)$/.test(entry))
    .map((entry) => entry.replace(/\.(json|lance)$/, ''));
  return [...new Set([...builtIn, ...names])];
}

async function complete(
  program: CliCommand,
  shell: Shell,
  name: ShellName | undefined,
  names: Stored | undefined,
): Promise<Outcome> {
  if (names !== undefined) {
    const found = await storedNames(shell, names);
    return { json: found, text: () => found.join('\n') };
  }
  if (name === undefined) throw new UsageError(`<shell> is missing; expected one of: ${SHELLS.join(', ')}`);
  const script = completionScript(program, name);
  return { json: { shell: name, script }, text: () => script.trimEnd() };
}

export function addCompletion(program: CliCommand, shell: Shell): void {
  const names = new Option('--names <kind>', 'print the names of stored things, for the scripts').hideHelp();
  program
    .command('completion')
    .argumentOf('[shell]', SHELLS.join(', '), oneOf(SHELLS))
    .usage('bash|zsh|fish')
    .description('a script that completes commands, options and the names of stored things')
    .addOption(names.argParser((kind: string) => oneOf(STORED).parse(kind, '--names')))
    .example('eval "$(ssae completion bash)"', 'In ~/.bashrc')
    .example('eval "$(ssae completion zsh)"', 'In ~/.zshrc')
    .example('ssae completion fish > ~/.config/fish/completions/ssae.fish', 'Once, for fish')
    .action((name: ShellName | undefined, options: { names?: Stored }) =>
      shell.finish(complete(program, shell, name, options.names)),
    );
}
