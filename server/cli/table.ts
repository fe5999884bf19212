import stringWidth from 'string-width';
import { truncate, wrap, type Terminal } from './terminal.ts';

const GAP = 2;
const MIN_FLEXIBLE_COLUMNS = 8;

export interface Column {
  readonly title: string;
  /**
   * `number` is set to the right; `name` is never cut, so that it can be copied; where the terminal is too narrow,
   * `snippet` ends in an ellipsis and `text` goes on in the next line.
   */
  readonly kind: 'number' | 'name' | 'snippet' | 'text';
}

function columnWidths(columns: readonly Column[], rows: readonly (readonly string[])[], available: number): number[] {
  const widths = columns.map(({ title }, i) =>
    Math.max(stringWidth(title), ...rows.map((row) => stringWidth(row[i]!))),
  );
  const flexible = columns.flatMap(({ kind }, i) => (kind === 'snippet' || kind === 'text' ? [i] : []));
  let excess = widths.reduce((sum, width) => sum + width, GAP * (columns.length - 1)) - available;
  while (excess > 0) {
    const widest = flexible.reduce((best, i) => (best < 0 || widths[i]! > widths[best]! ? i : best), -1);
    if (widest < 0 || widths[widest]! <= MIN_FLEXIBLE_COLUMNS) break;
    widths[widest]!--;
    excess--;
  }
  return widths;
}

function cellLines(text: string, kind: Column['kind'], width: number): string[] {
  if (kind === 'text') return wrap(text, width);
  return [kind === 'snippet' ? truncate(text, width) : text];
}

function pad(text: string, kind: Column['kind'], width: number): string {
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return kind === 'number' ? space + text : text + space;
}

/** Plain cells in aligned columns under a heading, at the terminal's width. */
export function table(terminal: Terminal, columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columnWidths(columns, rows, terminal.width);
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ kind }, i) => pad(cells[i] ?? '', kind, widths[i]!))
      .join(' '.repeat(GAP))
      .trimEnd();
  const heading = terminal.chalk.bold(line(columns.map(({ title }) => title)));
  const body = rows.flatMap((row) => {
    const cells = columns.map(({ kind }, i) => cellLines(row[i]!, kind, widths[i]!));
    const height = Math.max(...cells.map((lines) => lines.length));
    return Array.from({ length: height }, (_, k) => line(cells.map((lines) => lines[k] ?? '')));
  });
  return [heading, ...body].join('\n');
}

/** Names and values of one thing, a line each; long values go on under themselves. */
export function record(terminal: Terminal, entries: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...entries.map(([name]) => stringWidth(name)));
  return entries
    .flatMap(([name, value]) => {
      const lines = wrap(value, Math.max(MIN_FLEXIBLE_COLUMNS, terminal.width - width - GAP));
      return lines.map((line, k) => `${terminal.chalk.bold(pad(k === 0 ? name : '', 'name', width + GAP))}${line}`);
    })
    .join('\n');
}
