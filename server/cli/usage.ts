import type { Command, CommanderError } from 'commander';
import { closest } from 'fastest-levenshtein';
import type { z } from 'zod';
import { UsageError } from '../foundation/errors.ts';

function lineageOf(command: Command): Command[] {
  return command.parent === null ? [command] : [...lineageOf(command.parent), command];
}

/** "ssae corpus add". */
export function pathOf(command: Command): string {
  return lineageOf(command)
    .map((each) => each.name())
    .join(' ');
}

function unknownOption(command: Command, flag: string): UsageError {
  const known = lineageOf(command).flatMap(({ options }) => options.flatMap(({ long }) => long ?? []));
  return new UsageError(
    `"${flag}" is no option of ${pathOf(command)}. Nearest: ${closest(flag, [...known, '--help', '--version'])}`,
  );
}

function unknownCommand(command: Command, word: string): UsageError {
  const names = command.commands.map((child) => child.name()).filter((name) => name !== 'help');
  return new UsageError(
    `"${word}" is no command of ${pathOf(command)}; expected one of: ${names.join(', ')}. Nearest: ${closest(word, names)}`,
  );
}

/**
 * What commander found wrong, in our form: the argument, its value, what was expected, the nearest valid spelling.
 * Help and version requests pass through as they are.
 */
export function commandError(command: Command, error: CommanderError): Error {
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  switch (error.code) {
    case 'commander.unknownOption':
      return unknownOption(command, quoted);
    case 'commander.unknownCommand':
      return unknownCommand(command, quoted);
    case 'commander.missingArgument':
      return new UsageError(`<${quoted}> is missing; expected: ${pathOf(command)} ${command.usage()}`);
    case 'commander.missingMandatoryOptionValue': {
      // A required option that was misspelt is better named by its spelling.
      const misspelt = command.args.find((word) => /^--?[^\d-]/.test(word));
      if (misspelt !== undefined) return unknownOption(command, misspelt.split('=')[0]!);
      return new UsageError(`${quoted} is required and was not given`);
    }
    case 'commander.optionMissingArgument':
      return new UsageError(`${quoted} was given without its value`);
    case 'commander.excessArguments': {
      const excess = command.args.slice(command.registeredArguments.length).map((word) => `"${word}"`);
      return new UsageError(
        `${excess.join(', ')} is one argument too many; expected: ${pathOf(command)} ${command.usage()}`,
      );
    }
    case 'commander.help':
    case 'commander.helpDisplayed':
    case 'commander.version':
      return error;
    default:
      return new UsageError(error.message.replace(/^error: /, ''));
  }
}

function optionOf(path: readonly PropertyKey[], names: Readonly<Record<string, string>>): string {
  const words = path.filter((part) => typeof part === 'string');
  const key = [...words].reverse().find((word) => Object.hasOwn(names, word)) ?? words.at(-1) ?? 'the request';
  return names[key] ?? `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function valueAt(request: unknown, path: readonly PropertyKey[]): string {
  const value = path.reduce<unknown>(
    (at, key) => (at !== null && typeof at === 'object' ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    request,
  );
  const text = value === undefined ? 'missing' : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function nearestOf(issue: z.core.$ZodIssue, value: string): string {
  const valid = issue.code === 'invalid_value' ? issue.values.map(String) : [];
  return valid.length === 0 ? '' : `. Nearest: ${closest(value, valid)}`;
}

/**
 * The last check of a call, by the schema that the daemon uses too. Options check their own values first, so that what
 * is found here is a combination of them.
 * @param names What the person called a field, where it is not `--field-name`.
 * @throws UsageError naming the option, its value and the expectation.
 */
export function parseRequest<S extends z.ZodType>(
  schema: S,
  request: z.input<S>,
  names: Readonly<Record<string, string>> = {},
): z.output<S> {
  const parsed = schema.safeParse(request);
  if (parsed.success) return parsed.data;
  const messages = parsed.error.issues.map((issue) => {
    const value = valueAt(request, issue.path);
    return `${optionOf(issue.path, names)} is ${value}: ${issue.message}${nearestOf(issue, value)}`;
  });
  throw new UsageError(messages.join('; '));
}
