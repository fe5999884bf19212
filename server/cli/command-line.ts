import { CommanderError, type Command } from 'commander';
import { Interrupted, UsageError, WorkError } from '../foundation/errors.ts';
import { duration } from './figures.ts';
import { buildProgram } from './program.ts';
import { Shell, type Surroundings } from './shell.ts';
import { pathOf } from './usage.ts';

export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The deepest command that the words name. */
function commandAt(program: Command, words: readonly string[]): Command {
  return words.reduce((command, word) => command.commands.find((child) => child.name() === word) ?? command, program);
}

/** The same call with --resume, to be pasted; null where the command has none. */
function resumption(program: Command, words: readonly string[]): string | null {
  if (!commandAt(program, words).options.some(({ long }) => long === '--resume')) return null;
  const quoted = words.map((word) => (/^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  return ['ssae', ...quoted, ...(words.includes('--resume') ? [] : ['--resume'])].join(' ');
}

function isSystemError(error: Error): boolean {
  return 'code' in error && 'syscall' in error;
}

/** Says on stderr what went wrong. @returns the exit status */
function explain(shell: Shell, program: Command, error: unknown): number {
  const { red, yellow, dim } = shell.err.chalk;
  const { words, interrupted } = shell.surroundings;
  const { verbose } = shell.options;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const fault = error instanceof Error ? error : new Error(String(error));
  if (fault instanceof Interrupted || (interrupted.aborted && fault.name === 'AbortError')) {
    shell.complain(yellow(`ssae: ${fault instanceof Interrupted ? fault.message : 'interrupted'}`));
    const again = fault instanceof Interrupted && fault.resumeHint !== null ? resumption(program, words) : null;
    if (again !== null) shell.complain(`Go on with: ${again}`);
    return EXIT.interrupted;
  }
  shell.complain(red(`ssae: ${fault.message}`));
  if (verbose === true) shell.complain(dim(fault.stack ?? ''));
  if (fault instanceof UsageError) {
    shell.complain(dim(`See: ${pathOf(commandAt(program, words))} --help`));
    return EXIT.usage;
  }
  if (!(fault instanceof WorkError) && !isSystemError(fault) && verbose !== true)
    shell.complain(
      dim('This is a fault of ssae itself. Please report it with the output of --verbose and of: ssae doctor'),
    );
  return EXIT.failed;
}

/** Runs one call. @returns the exit status: 0 done, 1 the work failed, 2 the call was wrong, 130 interrupted */
export async function runCommandLine(surroundings: Surroundings): Promise<number> {
  const shell = new Shell(surroundings);
  const program = buildProgram(shell);
  const began = performance.now();
  try {
    await program.parseAsync(surroundings.words, { from: 'user' });
    return EXIT.done;
  } catch (error) {
    return explain(shell, program, error);
  } finally {
    if (shell.options.verbose === true) shell.complain(`took ${duration((performance.now() - began) / 1000)}`);
  }
}
