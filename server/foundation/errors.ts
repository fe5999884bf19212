import { closest } from 'fastest-levenshtein';

/**
 * The call was wrong: an argument, setting or request field holds a value that cannot be used.
 * The command line exits with status 2, the daemon answers InvalidParams.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * The call was right and the work failed: a file is damaged, the loss is not finite, the disk is full.
 * The message says what was wrong with which value, and what to do. The command line exits with status 1.
 */
export class WorkError extends Error {
  override readonly name = 'WorkError';
}

/** The work was stopped by its owner. `resumeHint` says how to go on from the last checkpoint, where there is one. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly resumeHint: string | null;
  constructor(resumeHint: string | null = null) {
    super(resumeHint === null ? 'interrupted' : `interrupted; ${resumeHint}`);
    this.resumeHint = resumeHint;
  }
}

/**
 * A UsageError in one form everywhere: the argument, its value, what was expected, and the nearest valid spelling.
 * Returned, not thrown, so that control flow stays visible where it is used.
 */
export function unknownName(argument: string, value: string, valid: readonly string[]): UsageError {
  const nearest = valid.length === 0 ? null : closest(value, [...valid]);
  const expected = valid.length === 0 ? 'there are none yet' : `expected one of: ${valid.join(', ')}`;
  return new UsageError(
    `${argument} is "${value}", which does not exist; ${expected}${nearest === null ? '' : `. Nearest: ${nearest}`}`,
  );
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
