import { closest } from 'fastest-levenshtein';
import { UsageError } from '../foundation/errors.ts';

/** How the text after an option or in an argument's place becomes a value. */
export interface ValueType<T> {
  /** @param argument What to call the argument in a message: `--tokens`. @throws UsageError */
  readonly parse: (text: string, argument: string) => T;
  readonly choices?: readonly string[];
}

function wrong(argument: string, text: string, expectation: string): UsageError {
  return new UsageError(`${argument} is "${text}"; expected ${expectation}`);
}

/** Any text but the empty one: a name, a path. */
export const anyText: ValueType<string> = {
  parse(text, argument) {
    if (text === '') throw wrong(argument, text, 'a name or a path');
    return text;
  },
};

/** Text that may be empty. */
export const textAsGiven: ValueType<string> = { parse: (text) => text };

const NUMBER = /^[+-]?(\d+(_\d+)*)?(\.\d+(_\d+)*)?(e[+-]?\d+)?$/i;

/** A decimal number, whole: "12abc", "0x10", "" and "Infinity" are none. 1e6 and 50_000 are. */
function strictNumber(text: string): number {
  return NUMBER.test(text) && /\d/.test(text) ? Number(text.replaceAll('_', '')) : NaN;
}

/** A whole number in [minimum, maximum]. */
export function wholeNumber(minimum: number, maximum = Number.MAX_SAFE_INTEGER): ValueType<number> {
  const range = maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
  return {
    parse(text, argument) {
      const value = strictNumber(text);
      if (!Number.isSafeInteger(value) || value < minimum || value > maximum)
        throw wrong(argument, text, `a whole number ${range}`);
      return value;
    },
  };
}

/** A finite number in [minimum, maximum]; `above` excludes the minimum itself. */
export function realNumber(range: {
  readonly minimum?: number;
  readonly above?: number;
  readonly maximum?: number;
}): ValueType<number> {
  const bounds = [
    range.above === undefined ? '' : `above ${range.above}`,
    range.minimum === undefined ? '' : `of at least ${range.minimum}`,
    range.maximum === undefined ? '' : `at most ${range.maximum}`,
  ];
  return {
    parse(text, argument) {
      const value = strictNumber(text);
      const isInside =
        value > (range.above ?? -Infinity) &&
        value >= (range.minimum ?? -Infinity) &&
        value <= (range.maximum ?? Infinity);
      if (!Number.isFinite(value) || !isInside)
        throw wrong(argument, text, `a number ${bounds.filter((bound) => bound !== '').join(', ')}`);
      return value;
    },
  };
}

/** One of a few words; another word is answered with the nearest. */
export function oneOf<T extends string>(choices: readonly T[]): ValueType<T> {
  return {
    choices,
    parse(text, argument) {
      const found = choices.find((choice) => choice === text);
      if (found === undefined)
        throw wrong(argument, text, `one of: ${choices.join(', ')}. Nearest: ${closest(text, [...choices])}`);
      return found;
    },
  };
}

/** Whole numbers of at least 0 with commas between: "1,2,3". */
export const wholeNumberList: ValueType<readonly number[]> = {
  parse: (text, argument) => text.split(',').map((part) => wholeNumber(0).parse(part.trim(), argument)),
};

/** A share of the work, `i/n`: the i-th of n, counted from 1. */
export const shardOf: ValueType<{ readonly index: number; readonly count: number }> = {
  parse(text, argument) {
    const [index, count] = text.split('/').map(strictNumber);
    const isShare = /^[^/]+\/[^/]+$/.test(text) && Number.isSafeInteger(index) && Number.isSafeInteger(count);
    if (!isShare || index! < 1 || count! < index!)
      throw wrong(argument, text, 'I/N, the I-th of N shares, counted from 1: 1/16 to 16/16');
    return { index: index!, count: count! };
  },
};

/** `left=right`; both must be there. */
export function pair(example: string): ValueType<readonly [string, string]> {
  return {
    parse(text, argument) {
      const at = text.indexOf('=');
      if (at < 1 || at === text.length - 1) throw wrong(argument, text, example);
      return [text.slice(0, at), text.slice(at + 1)];
    },
  };
}
