import { Readable } from 'node:stream';
import { parse, type CsvError } from 'csv-parse';
import { messageOf } from '../foundation/errors.ts';
import type { ByteStream } from './byte-stream.ts';
import { decode } from './decode.ts';
import { MAX_RECORD_BYTES, recordOf, skipped, type RecordFields, type SourceItem } from './record.ts';

interface ParsedRecord {
  readonly record: readonly Buffer[];
  /** `lines`: the line the parser is at once the record is read. */
  readonly info: { readonly lines: number };
}

const TOO_LONG = `a row longer than ${MAX_RECORD_BYTES / 1024 ** 2} MiB, perhaps a quote that is not closed`;

/** What the parser said, which is ahead of the rows that are handed out. */
interface Problem {
  /** Rows before it. */
  readonly row: number;
  readonly reason: string;
  /** Nothing after it can be trusted. */
  readonly last: boolean;
}

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
  const problems: Problem[] = [];
  const source = Readable.from(withoutMark(bytes, (reason) => problems.push({ row: Infinity, reason, last: true })));
  const parser = parse({
    ...{ delimiter, encoding: null, info: true, max_record_size: MAX_RECORD_BYTES },
    ...{ relax_column_count: true, relax_quotes: true, skip_records_with_error: true },
  });
  parser.on('skip', (error: CsvError) => {
    if (problems.at(-1)?.last === true) return;
    const last = error.code === 'CSV_MAX_RECORD_SIZE';
    problems.push({ row: parser.info.records, reason: last ? TOO_LONG : messageOf(error), last });
    if (last) {
      source.unpipe(parser);
      parser.end();
    }
  });
  source.once('error', (error) => parser.destroy(error));
  source.pipe(parser);
  let [header, line, row] = [null as readonly string[] | null, 1, 0];
  try {
    for await (const { record, info } of parser as AsyncIterable<ParsedRecord>) {
      if (problems.some((problem) => problem.last && problem.row <= row)) break;
      for (; problems[0] !== undefined && problems[0].row <= row; problems.shift())
        yield skipped(line, problems[0].reason);
      const begin = line;
      line = info.lines + 1;
      row++;
      if (record.length === 1 && record[0]!.length === 0) continue; // a blank line
      if (header === null) {
        header = record.map((name) => name.toString('utf8'));
        if (!header.includes(fields.text)) {
          yield skipped(begin, `no column "${fields.text}"; the columns are: ${header.join(', ')}`);
          return;
        }
      } else yield rowOf(record, header, fields, begin);
    }
    for (const { reason, last } of problems)
      yield skipped(line, last ? `${reason}; the rows before that were kept` : reason);
  } finally {
    source.destroy();
    parser.destroy();
  }
}
