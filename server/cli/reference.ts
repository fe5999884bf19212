import type { Command } from 'commander';
import { CliCommand } from './cli-command.ts';
import { pathOf } from './usage.ts';

const escaped = (cell: string): string => cell.replaceAll('|', '\\|').replaceAll('<', '\\<');

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`.replace(/\.\.$/, '.');
}

function rows(heading: readonly [string, string], entries: readonly (readonly [string, string])[]): string[] {
  if (entries.length === 0) return [];
  const lines = entries.map(
    ([term, description]) => `| \`${term.replaceAll('|', '\\|')}\` | ${escaped(description)} |`,
  );
  return [`| ${heading[0]} | ${heading[1]} |`, '|---|---|', ...lines, ''];
}

function section(command: Command): string[] {
  const help = command.createHelp();
  const options = help.visibleOptions(command).filter(({ long }) => command.parent === null || long !== '--help');
  const examples = command instanceof CliCommand ? command.examples : [];
  return [
    `## ${pathOf(command)}`,
    '',
    sentence(command.description()),
    '',
    ...(command.commands.length > 0 ? [] : ['```', `${pathOf(command)} ${command.usage()}`, '```', '']),
    ...rows(
      ['command', ''],
      command.commands.map((child) => [pathOf(child), child.description()]),
    ),
    ...rows(
      ['argument', ''],
      help
        .visibleArguments(command)
        .map((argument) => [help.argumentTerm(argument), help.argumentDescription(argument)]),
    ),
    ...rows(
      [command.parent === null ? 'option of every command' : 'option', ''],
      options.map((option) => [help.optionTerm(option), help.optionDescription(option)]),
    ),
    ...(examples.length === 0
      ? []
      : ['```sh', ...examples.flatMap(({ line, does }) => [`# ${does}`, line]), '```', '']),
    ...command.commands.flatMap(section),
  ];
}

const INTRODUCTION = `# The command line

<!-- Made from the program by test/cli.test.ts; change the commands in server/cli and run: npx vitest run test/cli.test.ts -u -->

- **Output.** stdout is for people: tables and coloured text at the terminal's width. \`--json\` prints exactly one JSON
  document instead; \`--jsonl\`, where a command streams, one object a line. Progress and notes go to stderr: a bar on a
  terminal, a line every five seconds elsewhere, nothing with \`--quiet\`. \`NO_COLOR\` and \`--no-color\` are honoured.
- **Exit status.** 0 done; 1 the work failed; 2 the call was wrong (the message names the argument, its value, what was
  expected, and the nearest valid spelling); 130 interrupted.
- **Ctrl-C** once asks the work to stop at its next checkpoint; the same command with \`--resume\` goes on from there, and
  ingest goes on by itself. Twice ends it at once.
- **State** lives in one folder: \`--home\`, else \`SSAE_HOME\`, else the platform's data folder.
- **Names.** A model, corpus, dictionary, seed set or selection is a stored name, else a path. The built-in model is
  \`builtin\`, its general dictionary \`builtin-gsae\`. With \`--detach\`, write paths with a slash (\`./OUT\`).
- **Numbers** are decimal: \`4096\`, \`1e6\`, \`50_000\`, \`0.5\`. Anything after a number makes it none.
`;

/** docs/cli.md, made from the program itself. */
export function renderReference(program: Command): string {
  return [INTRODUCTION, ...section(program)].join('\n').trimEnd() + '\n';
}
