import { type CastingContext, parse } from 'csv-parse/sync';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { MAX_WHOLE_LENGTH } from './document-segments.ts';

/** Records of one document that get a lens. */
export const MAX_RECORDS = 200;
const MAX_TEXT_LENGTH = 8192;

/** A record's text, as the model reads it: without quotes, escapes and other fields. */
export interface TextRecord {
  /** First line of the record, from 0. */
  readonly line: number;
  readonly text: string;
}

/** The first records of a `.jsonl`, `.csv` or `.tsv` document that hold a text; none of any other document. */
export function recordsOf(document: TextDocument, textFields: readonly string[]): readonly TextRecord[] {
  const text = document.getText().slice(0, MAX_WHOLE_LENGTH);
  const records = readRecords(formatOf(document), text, textFields);
  return records
    .filter((record) => record.text.trim() !== '')
    .slice(0, MAX_RECORDS)
    .map(({ line, text: whole }) => ({ line, text: whole.slice(0, MAX_TEXT_LENGTH) }));
}

type Format = 'json-lines' | 'csv' | 'tsv' | null;

function formatOf({ uri, languageId }: TextDocument): Format {
  const ending = /\.(\w+)(?:[?#].*)?$/.exec(uri)?.[1]?.toLowerCase();
  if (ending === 'jsonl' || ending === 'ndjson' || languageId === 'jsonl') return 'json-lines';
  if (ending === 'csv' || languageId === 'csv') return 'csv';
  return ending === 'tsv' || languageId === 'tsv' ? 'tsv' : null;
}

function readRecords(format: Format, text: string, textFields: readonly string[]): readonly TextRecord[] {
  switch (format) {
    case 'json-lines':
      return jsonRecords(text, textFields);
    case 'csv':
      return delimitedRecords(text, ',', textFields);
    case 'tsv':
      return delimitedRecords(text, '\t', textFields);
    case null:
      return [];
  }
}

function jsonRecords(text: string, textFields: readonly string[]): TextRecord[] {
  return text.split(/\r\n|\r|\n/).flatMap((source, line) => {
    const found = textOfJson(source, textFields);
    return found === null ? [] : [{ line, text: found }];
  });
}

/** null for a line that is no record, as while it is being typed. */
function textOfJson(source: string, textFields: readonly string[]): string | null {
  let record: unknown;
  try {
    record = JSON.parse(source);
  } catch {
    return null;
  }
  if (typeof record !== 'object' || record === null) return null;
  const fields = record as Readonly<Record<string, unknown>>;
  const field = textFields.find((name) => Object.hasOwn(fields, name) && typeof fields[name] === 'string');
  return field === undefined ? null : (fields[field] as string);
}

function delimitedRecords(text: string, delimiter: string, textFields: readonly string[]): TextRecord[] {
  const rows = rowsOf(text, delimiter);
  const header = rows[0]?.values ?? [];
  const column = textFields.map((name) => header.indexOf(name)).find((index) => index >= 0);
  if (column === undefined) return [];
  return rows.slice(1).flatMap(({ line, values }) => {
    const value = values[column];
    return value === undefined ? [] : [{ line, text: value }];
  });
}

interface Row {
  /** First line of the row, from 0. */
  readonly line: number;
  readonly values: readonly string[];
}

function rowsOf(text: string, delimiter: string): Row[] {
  const firstLines: number[] = [];
  const noteLine = (value: string, { column, lines }: CastingContext): string => {
    // Where a row's first value ends, less the line breaks inside that value, is where the row begins.
    if (column === 0) firstLines.push(lines - 1 - (value.match(/\r\n|\r|\n/g)?.length ?? 0));
    return value;
  };
  const rows: string[][] = parse(text, {
    ...{ delimiter, bom: true, to: MAX_RECORDS + 1, cast: noteLine, max_record_size: MAX_WHOLE_LENGTH },
    ...{ relax_column_count: true, relax_quotes: true, skip_records_with_error: true },
  });
  return rows.map((values, row) => ({ line: firstLines[row] ?? 0, values }));
}
