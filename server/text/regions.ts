/** The parts of a document that are text to read: all of a plain one, the text field of every record of a corpus file. */
import { visit } from 'jsonc-parser';
import { csvCells, type Cell } from './csv-cells.ts';

/** A stretch of text and where its characters are in the document. */
export interface TextRegion {
  /** As a reader means it: escapes undone, quotes left out. */
  readonly text: string;
  /** UTF-16 offset in the document of the text's first character. */
  readonly start: number;
  /** Offset just behind the text in the document. */
  readonly end: number;
  /** Offset in the document of each character of the text whose neighbour before it is not right before it in the document; rising. */
  readonly jumps: readonly { readonly at: number; readonly place: number }[];
}

export type TextFormat = 'plain' | 'json-lines' | 'csv' | 'tsv';

/** By the name of a file or of its language. */
export function formatOf(fileName: string, languageId: string): TextFormat {
  const name = fileName.toLowerCase();
  if (/\.(jsonl|ndjson)$/.test(name) || languageId === 'jsonl') return 'json-lines';
  if (name.endsWith('.tsv') || languageId === 'tsv') return 'tsv';
  return name.endsWith('.csv') || languageId === 'csv' ? 'csv' : 'plain';
}

/** Place in the document of an offset into the region's text. */
export function placeIn({ start, jumps }: TextRegion, offset: number): number {
  let [low, high] = [0, jumps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (jumps[middle]!.at <= offset) low = middle + 1;
    else high = middle;
  }
  const jump = jumps[low - 1];
  return jump === undefined ? start + offset : jump.place + offset - jump.at;
}

/** Offset into the region's text of the character that stands at a place of the document; the character before where it is inside an escape. */
export function offsetIn(region: TextRegion, place: number): number {
  let [low, high] = [0, region.text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (placeIn(region, middle) <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * Regions in the document's order.
 * @param fields names of fields that hold text; the first that a record has is taken, else its longest string
 */
export function textRegions(document: string, format: TextFormat, fields: readonly string[]): TextRegion[] {
  switch (format) {
    case 'plain':
      return document === '' ? [] : [{ text: document, start: 0, end: document.length, jumps: [] }];
    case 'json-lines':
      return jsonLineRegions(document, fields);
    case 'csv':
      return csvRegions(csvCells(document, ','), fields);
    case 'tsv':
      return csvRegions(csvCells(document, '\t'), fields);
  }
}

function jsonLineRegions(document: string, fields: readonly string[]): TextRegion[] {
  const regions: TextRegion[] = [];
  for (let start = 0; start < document.length;) {
    const lineFeed = document.indexOf('\n', start);
    const end = lineFeed < 0 ? document.length : lineFeed;
    const region = recordRegion(document.slice(start, end), start, fields);
    if (region !== null && region.text !== '') regions.push(region);
    start = end + 1;
  }
  return regions;
}

/** Records are bounded by nothing but the line; nesting deeper than this holds no text field and is not followed. */
const FIELD_DEPTH = 1;

function recordRegion(line: string, lineStart: number, fields: readonly string[]): TextRegion | null {
  const strings = new Map<string, { offset: number; length: number }>();
  let depth = 0;
  let property: string | null = null;
  const enter = (): void => {
    depth++;
  };
  const leave = (): void => {
    depth--;
  };
  visit(line, {
    ...{ onObjectBegin: enter, onObjectEnd: leave, onArrayBegin: enter, onArrayEnd: leave },
    onObjectProperty: (name) => {
      if (depth === FIELD_DEPTH) property = name;
    },
    onLiteralValue: (value, offset, length) => {
      if (depth === FIELD_DEPTH && property !== null && typeof value === 'string')
        strings.set(property, { offset, length });
    },
  });
  const named = fields.find((field) => strings.has(field));
  const longest = [...strings].reduce<[string, number]>(
    (best, [name, { length }]) => (length > best[1] ? [name, length] : best),
    ['', 0],
  )[0];
  const chosen = strings.get(named ?? longest);
  return chosen === undefined ? null : unescapedRegion(line, chosen.offset, chosen.length, lineStart);
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };

/** The string literal at [offset, offset + length) of a line, quotes included. */
function unescapedRegion(line: string, offset: number, length: number, lineStart: number): TextRegion {
  const jumps: { at: number; place: number }[] = [];
  const parts: string[] = [];
  let at = 0;
  const last = offset + length - 1;
  for (let i = offset + 1; i < last;) {
    const backslash = line.indexOf('\\', i);
    const plainEnd = backslash < 0 || backslash >= last ? last : backslash;
    parts.push(line.slice(i, plainEnd));
    at += plainEnd - i;
    if (plainEnd === last) break;
    const kind = line[backslash + 1]!;
    const width = kind === 'u' ? 6 : 2;
    parts.push(
      kind === 'u'
        ? String.fromCharCode(Number.parseInt(line.slice(backslash + 2, backslash + 6), 16))
        : (ESCAPES[kind] ?? kind),
    );
    at++;
    i = backslash + width;
    jumps.push({ at, place: lineStart + i });
  }
  return { text: parts.join(''), start: lineStart + offset + 1, end: lineStart + last, jumps };
}

function csvRegions(rows: readonly (readonly Cell[])[], fields: readonly string[]): TextRegion[] {
  const [header, ...records] = rows;
  if (header === undefined) return [];
  const names = header.map(({ text }) => text.trim().toLowerCase());
  const named = fields.map((field) => names.indexOf(field.toLowerCase())).find((column) => column >= 0);
  const column = named ?? widestColumn(records, names.length);
  return records
    .map((record) => record[column])
    .filter((cell) => cell !== undefined)
    .filter(({ text }) => text !== '');
}

const ROWS_WEIGHED = 100;

function widestColumn(records: readonly (readonly Cell[])[], columns: number): number {
  const widths = Array.from({ length: columns }, (_, column) =>
    records.slice(0, ROWS_WEIGHED).reduce((sum, record) => sum + (record[column]?.text.length ?? 0), 0),
  );
  return Math.max(0, widths.indexOf(Math.max(...widths)));
}
