import { Readable } from 'node:stream';
import { parse, type CsvError } from 'csv-parse';
import { messageOf } from '../foundation/errors.ts';
import type { ByteStream } from './byte-stream.ts';
import { decode } from './decode.ts';
import {
  MAX_RECORD_BYTES,
  recordOf,
  skipped,
  type RecordFields,
  type SkippedRecord,
  type SourceItem,
} from './record.ts';

interface ParsedRecord {
  readonly record: readonly Buffer[];
  /** `lines`: the line the parser is at once the record is read. */
  readonly info: { readonly lines: number };
}

const TOO_LONG = `a row longer than ${MAX_RECORD_BYTES / 1024 ** 2} MiB, perhaps a quote that is not closed; the rows before it were kept`;

/** Bytes without a byte order mark; `onEarlyEnd` is told why they ended early. */
async function* withoutMark(bytes: ByteStream, onEarlyEnd: (reason: string) => void): AsyncGenerator<Buffer> {
  let first = true;
  for (;;) {
    const next = await bytes.next();
    if (next.done === true) {
      if (next.value !== null) onEarlyEnd(next.value);
      return;
    }
    const marked = first && next.value.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]));
    yield marked ? next.value.subarray(3) : next.value;
    first = false;
  }
}

/** A row under its header. */
function rowOf(row: readonly Buffer[], header: readonly string[], fields: RecordFields, line: number): SourceItem {
  const values = row.map(decode);
  const damaged = values.indexOf(null);
  if (damaged >= 0) return skipped(line, `column "${header[damaged] ?? damaged + 1}" is not valid UTF-8`);
  if (values.length !== header.length)
    return skipped(line, `${values.length} columns; the header has ${header.length}: ${header.join(', ')}`);
  return recordOf(
    header.map((name, column) => [name, values[column]] as const),
    fields,
    line,
  );
}

/**
 * Comma- or tab-separated values with a header (RFC 4180: quotes may hold line breaks; quotes inside a field that does not begin with
 * one are taken as they are). A row whose number of columns is not the header's is passed over.
 */
export async function* readDelimited(
  bytes: ByteStream,
  delimiter: ',' | '\t',
  fields: RecordFields,
): AsyncGenerator<SourceItem> {
  const problems: SkippedRecord[] = []; // filled by events; their line is where reading was then
  const state = { stopped: false };
  const source = Readable.from(
    withoutMark(bytes, (reason) => problems.push(skipped(null, `${reason}; the rows before that were kept`))),
  );
  const parser = parse({
    ...{ delimiter, encoding: null, info: true, max_record_size: MAX_RECORD_BYTES },
    ...{ relax_column_count: true, relax_quotes: true, skip_records_with_error: true },
  });
  parser.on('skip', (error: CsvError) => {
    state.stopped ||= error.code === 'CSV_MAX_RECORD_SIZE';
    problems.push(skipped(null, state.stopped ? TOO_LONG : messageOf(error)));
  });
  source.once('error', (error) => parser.destroy(error));
  source.pipe(parser);
  let [header, line] = [null as readonly string[] | null, 1];
  try {
    for await (const { record, info } of parser as AsyncIterable<ParsedRecord>) {
      const begin = line;
      for (const { reason } of problems.splice(0)) yield skipped(begin, reason);
      line = info.lines + 1;
      if (state.stopped) break;
      if (record.length === 1 && record[0]!.length === 0) continue; // a blank line
      if (header === null) {
        header = record.map((name) => name.toString('utf8'));
        if (!header.includes(fields.text)) {
          yield skipped(begin, `no column "${fields.text}"; the columns are: ${header.join(', ')}`);
          return;
        }
      } else yield rowOf(record, header, fields, begin);
    }
    for (const { reason } of problems) yield skipped(line, reason);
  } finally {
    source.destroy();
    parser.destroy();
  }
}
