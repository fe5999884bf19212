import { UsageError } from '../foundation/errors.ts';
import type { SeedSetResult } from '../protocol/results.ts';
import type { SeedSplit } from '../retrieve/seed-text.ts';
import type { CliCommand } from './cli-command.ts';
import { count, counted } from './figures.ts';
import { seedsOf } from './seed-source.ts';
import type { Outcome, Shell } from './shell.ts';
import { table } from './table.ts';
import { oneLine, type Terminal } from './terminal.ts';
import { parseRequest } from './usage.ts';
import { oneOf } from './values.ts';

async function add(shell: Shell, name: string, sources: string[], split: SeedSplit): Promise<Outcome> {
  if (sources.filter((source) => source === '-').length > 1)
    throw new UsageError('"-" was given twice; stdin can be read only once');
  if (sources.length === 0 && shell.surroundings.input.isTTY === true)
    shell.note('Reading seeds from the terminal: an empty line between two, Ctrl-D at the end.');
  const seeds = [];
  for (const source of sources.length === 0 ? ['-'] : sources)
    seeds.push(...(await seedsOf(source, split, shell.surroundings)));
  const { AddSeedsRequest } = await import('../protocol/requests.ts');
  const request = parseRequest(AddSeedsRequest, { name, seeds });
  const json = await shell.withServices((services) => services.addSeeds(request));
  return { json, text: () => `${json.name}: ${counted(json.seeds.length, 'seed')}` };
}

async function list(shell: Shell): Promise<Outcome> {
  const json = await shell.withServices((services) => services.listSeeds());
  return {
    json,
    text: (terminal) =>
      json.length === 0
        ? 'There is no seed set yet. Add one with: ssae seeds add NAME FILE:START-END'
        : table(
            terminal,
            [
              { title: 'seed set', kind: 'name' },
              { title: 'seeds', kind: 'number' },
            ],
            json.map(({ name, seeds }) => [name, count(seeds)]),
          ),
  };
}

function shown(terminal: Terminal, { seeds }: SeedSetResult): string {
  return table(
    terminal,
    [
      { title: '#', kind: 'number' },
      { title: 'seed', kind: 'text' },
      { title: 'from', kind: 'text' },
    ],
    seeds.map(({ text, from }, i) => [
      String(i + 1),
      oneLine(text),
      from === null ? 'given' : `${from.file}, characters ${count(from.start)} to ${count(from.end)}`,
    ]),
  );
}

async function show(shell: Shell, name: string): Promise<Outcome> {
  const json = await shell.withServices((services) => services.showSeeds(name));
  return { json, text: (terminal) => shown(terminal, json) };
}

async function remove(shell: Shell, name: string): Promise<Outcome> {
  await shell.withServices((services) => services.removeSeeds(name));
  return { json: { removed: name }, text: () => `removed seed set ${name}` };
}

function addAdd(seeds: CliCommand, shell: Shell): void {
  seeds
    .command('add <name> [sources...]')
    .usage('<name> [<file>[:<start>-<end>]... | -]')
    .description(
      'a seed set from text. FILE:START-END is one seed: the lines from START to END, counted from 1, END included. A whole FILE, or stdin (-, or no source), is one seed a paragraph',
    )
    .takes('--split <by>', 'how a whole file or stdin is cut into seeds', oneOf(['paragraph', 'line', 'none']), {
      default: 'paragraph',
    })
    .example('ssae seeds add entropy notes.md:12-18 notes.md:40-44', 'Two ranges of lines, two seeds')
    .example('ssae seeds add entropy phrases.txt --split line', 'One seed a line')
    .example('pbpaste | ssae seeds add entropy -', 'The paragraphs of the clipboard')
    .action((name: string, sources: string[], { split }: { split: SeedSplit }) =>
      shell.finish(add(shell, name, sources, split)),
    );
}

export function addSeeds(program: CliCommand, shell: Shell): void {
  const seeds = program.command('seeds').description('seed sets: the marked text that says what to look for');
  addAdd(seeds, shell);
  seeds
    .command('list')
    .description('all seed sets')
    .example('ssae seeds list', 'A table of all seed sets')
    .action(() => shell.finish(list(shell)));
  seeds
    .command('show <seeds>')
    .description('the texts of one seed set, and where they come from')
    .example('ssae seeds show entropy', 'The seeds of the set "entropy"')
    .action((name: string) => shell.finish(show(shell, name)));
  seeds
    .command('remove <seeds>')
    .description('delete a seed set')
    .example('ssae seeds remove entropy', 'Delete the seed set "entropy"')
    .action((name: string) => shell.finish(remove(shell, name)));
  seeds
    .example('ssae seeds add entropy notes.md:12-18', 'Mark lines of a file')
    .example('ssae seeds list', 'See all seed sets');
}
