import type { TextRegion } from './regions.ts';

export type Cell = TextRegion;

/**
 * Cells of a delimited file with their places, row by row (RFC 4180: a cell in quotes holds delimiters, line ends and doubled quotes).
 * The libraries that read such files tell the line of a record but not the places of its cells, which an editor needs.
 */
export function csvCells(document: string, delimiter: ',' | '\t'): Cell[][] {
  const rows: Cell[][] = [];
  let row: Cell[] = [];
  let at = document.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (at < document.length) {
    const { cell, next } = document[at] === '"' ? quotedCell(document, at) : bareCell(document, at, delimiter);
    row.push(cell);
    at = next;
    if (document[at] === delimiter) {
      at++;
      if (at < document.length) continue;
      row.push({ text: '', start: at, end: at, jumps: [] });
    }
    while (at < document.length && document[at] !== '\n' && document[at] !== '\r') at++; // what follows a closing quote by mistake
    if (document.startsWith('\r\n', at)) at++;
    at++;
    rows.push(row);
    row = [];
  }
  return rows.filter((cells) => cells.length > 1 || cells[0]?.text !== '');
}

function bareCell(document: string, start: number, delimiter: string): { cell: Cell; next: number } {
  let end = start;
  while (end < document.length && document[end] !== delimiter && document[end] !== '\n' && document[end] !== '\r')
    end++;
  return { cell: { text: document.slice(start, end), start, end, jumps: [] }, next: end };
}

function quotedCell(document: string, quote: number): { cell: Cell; next: number } {
  const jumps: { at: number; place: number }[] = [];
  const parts: string[] = [];
  let length = 0;
  for (let from = quote + 1; ;) {
    const found = document.indexOf('"', from);
    const end = found < 0 ? document.length : found;
    parts.push(document.slice(from, end));
    length += end - from;
    if (document[end + 1] !== '"') {
      const cell = { text: parts.join(''), start: quote + 1, end, jumps };
      return { cell, next: Math.min(document.length, end + 1) };
    }
    parts.push('"');
    length++;
    from = end + 2;
    jumps.push({ at: length, place: from });
  }
}
