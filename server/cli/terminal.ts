import { Chalk, supportsColor, supportsColorStderr, type ChalkInstance, type ColorSupportLevel } from 'chalk';
import stringWidth from 'string-width';

const DEFAULT_COLUMNS = 80;
const MIN_COLUMNS = 20;

/** The part of a TTY stream that a terminal needs; a pipe has neither `isTTY` nor `columns`. */
export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Where people read: how wide it is, whether it redraws, which colours it shows. */
export interface Terminal {
  readonly width: number;
  /** A person's terminal, on which a line can be drawn again. */
  readonly redraws: boolean;
  /** Colours at the terminal's level; all of its styles are empty where there are none. */
  readonly chalk: ChalkInstance;
  /** Taken for dark unless the terminal says otherwise in COLORFGBG. */
  readonly background: 'dark' | 'light';
}

export interface TerminalSettings {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** False after --no-color. */
  readonly color: boolean;
}

function detectedLevel(stream: OutputStream): ColorSupportLevel {
  if (stream === process.stdout) return supportsColor ? supportsColor.level : 0;
  if (stream === process.stderr) return supportsColorStderr ? supportsColorStderr.level : 0;
  return 0;
}

/** NO_COLOR (https://no-color.org: any value that is not empty) and --no-color win over what the terminal can show. */
export function terminalOf(stream: OutputStream, { variables, color }: TerminalSettings): Terminal {
  const columns = stream.columns ?? Number(variables['COLUMNS'] ?? DEFAULT_COLUMNS);
  const colourless = !color || (variables['NO_COLOR'] ?? '') !== '';
  return {
    width: Number.isInteger(columns) && columns > 0 ? Math.max(columns, MIN_COLUMNS) : DEFAULT_COLUMNS,
    redraws: stream.isTTY === true && variables['TERM'] !== 'dumb',
    chalk: new Chalk({ level: colourless ? 0 : detectedLevel(stream) }),
    background: /(^|;)(7|15)$/.test(variables['COLORFGBG'] ?? '') ? 'light' : 'dark',
  };
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Cuts plain text to a number of columns; what was cut is shown by an ellipsis. Never cuts inside a character people see. */
export function truncate(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let kept = '';
  let width = 0;
  for (const { segment } of segmenter.segment(text)) {
    width += stringWidth(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return columns < 1 ? '' : `${kept}…`;
}

function cutWord(word: string, columns: number): string[] {
  const pieces: string[] = [''];
  for (const { segment } of segmenter.segment(word)) {
    const joined = pieces.at(-1)! + segment;
    if (stringWidth(joined) <= columns || pieces.at(-1) === '') pieces[pieces.length - 1] = joined;
    else pieces.push(segment);
  }
  return pieces;
}

/** Plain text as lines of at most `columns`, broken between words where it can be. Line breaks of the text stay. */
export function wrap(text: string, columns: number): string[] {
  return text.split(/\r?\n/).flatMap((paragraph) => {
    const lines: string[] = [''];
    for (const piece of paragraph.split(/ +/).flatMap((word) => cutWord(word, columns))) {
      const joined = lines.at(-1) === '' ? piece : `${lines.at(-1)} ${piece}`;
      if (stringWidth(joined) <= columns) lines[lines.length - 1] = joined;
      else lines.push(piece);
    }
    return lines;
  });
}

/** Any text on one line: white space, line breaks and control characters (which could drive the terminal) become spaces. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
}
