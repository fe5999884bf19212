import type { Argument, Command, Option } from 'commander';
import { pathOf } from './usage.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type ShellName = (typeof SHELLS)[number];

/** Kinds of stored things; an option or argument `<dictionary>` completes to the names of dictionaries. */
export const STORED = ['model', 'corpus', 'seeds', 'selection', 'dictionary'] as const;
export type Stored = (typeof STORED)[number];

/** What can stand at a place: a few words, stored things (or a path), any path, or something of its own. */
type Completion =
  | { kind: 'words'; words: readonly string[] }
  | { kind: 'stored'; stored: Stored }
  | { kind: 'path' }
  | { kind: 'none' };

function byName(name: string): Completion {
  const stored = STORED.find((each) => each === name);
  if (stored !== undefined) return { kind: 'stored', stored };
  return /^(file|folder|sources?)$/.test(name) ? { kind: 'path' } : { kind: 'none' };
}

function valueOf(option: Option): Completion | null {
  if (!option.required && !option.optional) return null;
  if (option.argChoices !== undefined) return { kind: 'words', words: option.argChoices };
  return byName(/<([^>.]+)/.exec(option.flags)?.[1] ?? '');
}

function argumentCompletion(argument: Argument | undefined): Completion {
  if (argument === undefined) return { kind: 'none' };
  return argument.argChoices === undefined ? byName(argument.name()) : { kind: 'words', words: argument.argChoices };
}

interface Place {
  /** Words before: "corpus add". */
  readonly path: string;
  readonly command: Command;
  readonly options: readonly Option[];
}

function placesOf(program: Command): Place[] {
  const help = program.createHelp();
  const visit = (command: Command): Place[] => [
    {
      path: pathOf(command).split(' ').slice(1).join(' '),
      command,
      options: [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)],
    },
    ...command.commands.flatMap(visit),
  ];
  const all = visit(program);
  return all.map((place) => ({ ...place, options: [...new Map(place.options.map((o) => [o.long, o])).values()] }));
}

const flagsOf = (option: Option): string[] => [option.short, option.long].filter((flag) => flag != null);

/** The shell function that prints candidates for a place; names are asked of the program. */
function bashCandidates(completion: Completion): string {
  switch (completion.kind) {
    case 'words':
      return `_ssae_words '${completion.words.join(' ')}'`;
    case 'stored':
      return `_ssae_stored ${completion.stored}`;
    case 'path':
      return '_ssae_paths';
    case 'none':
      return 'COMPREPLY=()';
  }
}

function bashPlace({ path, command, options }: Place): string {
  const cases = options.flatMap((option) => {
    const value = valueOf(option);
    return value === null ? [] : [`        ${flagsOf(option).join('|')}) ${bashCandidates(value)}; return ;;`];
  });
  const flags = options.flatMap((option) => option.long ?? []).join(' ');
  const words = command.commands.map((child) => child.name()).join(' ');
  const rest =
    words === '' ? bashCandidates(argumentCompletion(command.registeredArguments.at(-1))) : `_ssae_words '${words}'`;
  return [
    `    '${path}')`,
    '      case "$previous" in',
    ...cases,
    '      esac',
    `      if [[ "$current" == -* ]]; then _ssae_words '${flags}'; else ${rest}; fi ;;`,
  ].join('\n');
}

function bash(program: Command): string {
  const places = placesOf(program);
  const paths = places.map(({ path }) => `'${path}'`).join('|');
  return `# Completion of ssae for bash: eval "$(ssae completion bash)"
_ssae_words() { COMPREPLY=($(compgen -W "$1" -- "$current")); }
_ssae_paths() { compopt -o default 2>/dev/null; COMPREPLY=(); }
_ssae_stored() {
  compopt -o default 2>/dev/null
  COMPREPLY=($(compgen -W "$(ssae completion --names "$1" 2>/dev/null)" -- "$current"))
}
_ssae() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" place='' longer word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    longer="\${place:+$place }$word"
    case "$longer" in ${paths}) place="$longer" ;; esac
  done
  case "$place" in
${places.map(bashPlace).join('\n')}
  esac
}
complete -F _ssae ssae
`;
}

/** zsh understands bash's completions. */
function zsh(program: Command): string {
  return `#compdef ssae
# Completion of ssae for zsh: eval "$(ssae completion zsh)"
autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit
${bash(program)}`;
}

const fishQuoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function fishValue(completion: Completion | null): string {
  switch (completion?.kind) {
    case undefined:
      return '';
    case 'words':
      return ` -x -a ${fishQuoted(completion.words.join(' '))}`;
    case 'stored':
      return ` -r -a '(ssae completion --names ${completion.stored} 2>/dev/null)'`;
    case 'path':
      return ' -r -F';
    case 'none':
      return ' -x';
  }
}

function fishPlace({ path, command, options }: Place): string[] {
  const condition = `-n ${fishQuoted(`__ssae_at ${path === '' ? "''" : fishQuoted(path)}`)}`;
  const words = command.commands.map(
    (child) => `complete -c ssae -f ${condition} -a ${child.name()} -d ${fishQuoted(child.description())}`,
  );
  const argument = argumentCompletion(command.registeredArguments.at(-1));
  const operands =
    command.registeredArguments.length === 0 ? [] : [`complete -c ssae ${condition}${fishValue(argument)}`];
  const flags = options.map((option) => {
    const short = option.short == null ? '' : ` -s ${option.short.slice(1)}`;
    return `complete -c ssae ${condition}${short} -l ${option.long!.slice(2)}${fishValue(valueOf(option))} -d ${fishQuoted(option.description)}`;
  });
  return [...words, ...operands, ...flags];
}

function fish(program: Command): string {
  const places = placesOf(program);
  return `# Completion of ssae for fish: ssae completion fish | source
function __ssae_at
  set -l place ''
  for word in (commandline -opc)[2..-1]
    set -l longer (string trim -- "$place $word")
    contains -- "$longer" ${places.map(({ path }) => fishQuoted(path)).join(' ')}; and set place "$longer"
  end
  test "$place" = "$argv[1]"
end
complete -c ssae -f
${places.flatMap(fishPlace).join('\n')}
`;
}

/** A script that teaches a shell every command, option and value of the program. */
export function completionScript(program: Command, shell: ShellName): string {
  switch (shell) {
    case 'bash':
      return bash(program);
    case 'zsh':
      return zsh(program);
    case 'fish':
      return fish(program);
  }
}
