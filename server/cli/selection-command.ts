import type { SelectionResult } from '../protocol/corpus-pages.ts';
import type { CliCommand } from './cli-command.ts';
import { count } from './figures.ts';
import { passageTable } from './passage-table.ts';
import type { Outcome, Shell } from './shell.ts';
import { record, table } from './table.ts';
import type { Terminal } from './terminal.ts';

const SHOWN_PASSAGES = 20;

async function list(shell: Shell): Promise<Outcome> {
  const json = await shell.withServices((services) => services.listSelections());
  return {
    json,
    text: (terminal) =>
      json.length === 0
        ? 'There is no selection yet. Make one with: ssae retrieve … -o NAME'
        : table(
            terminal,
            [
              { title: 'selection', kind: 'name' },
              { title: 'arm', kind: 'name' },
              { title: 'corpus', kind: 'name' },
              { title: 'seeds', kind: 'snippet' },
              { title: 'passages', kind: 'number' },
              { title: 'tokens', kind: 'number' },
            ],
            json.map(({ name, arm, corpus, seeds, passages, tokens }) => [
              ...[name, arm, corpus, seeds],
              ...[count(passages), count(tokens)],
            ]),
          ),
  };
}

function shown(terminal: Terminal, { hits, ...selection }: SelectionResult): string {
  const about = record(terminal, [
    ['selection', selection.name],
    ['arm', selection.arm],
    ['corpus', selection.corpus],
    ['seeds', selection.seeds],
    ['tokens', `${count(selection.tokens)} of a budget of ${count(selection.budget)}`],
    ['passages', count(selection.passages)],
    ['overlapping', `${count(selection.overlapDropped)} dropped`],
    ['pinned', selection.pinned.join('\n') || 'none'],
    ['struck', selection.struck.join('\n') || 'none'],
    ...(selection.note === null ? [] : ([['note', selection.note]] as const)),
    ['content', selection.contentHash],
  ]);
  const more = hits.length - SHOWN_PASSAGES;
  const found = passageTable(terminal, hits.slice(0, SHOWN_PASSAGES), 0);
  return `${about}\n\n${found}${more > 0 ? `\n\nand ${count(more)} more; --json has all` : ''}`;
}

async function show(shell: Shell, name: string): Promise<Outcome> {
  const json = await shell.withServices((services) => services.showSelection(name));
  return { json, text: (terminal) => shown(terminal, json) };
}

async function remove(shell: Shell, name: string): Promise<Outcome> {
  await shell.withServices((services) => services.removeSelection(name));
  return { json: { removed: name }, text: () => `removed selection ${name}` };
}

export function addSelection(program: CliCommand, shell: Shell): void {
  const selection = program.command('selection').description('selections: passages chosen for a seed set');
  selection
    .command('list')
    .description('all selections')
    .example('ssae selection list', 'A table of all selections')
    .action(() => shell.finish(list(shell)));
  selection
    .command('show <selection>')
    .description('one selection: how it was made, and its passages')
    .example('ssae selection show entropy', 'What was chosen for "entropy"')
    .action((name: string) => shell.finish(show(shell, name)));
  selection
    .command('remove <selection>')
    .description('delete a selection; dictionaries that were trained on it stay')
    .example('ssae selection remove entropy', 'Delete the selection "entropy"')
    .action((name: string) => shell.finish(remove(shell, name)));
  selection
    .example('ssae selection list', 'See all selections')
    .example('ssae selection show entropy --json', 'All passages with scores and places');
}
