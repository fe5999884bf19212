import { messageOf } from '../foundation/errors.ts';
import { lines, type ByteStream } from './byte-stream.ts';
import { decodeLine } from './decode.ts';
import { MAX_RECORD_BYTES, recordOf, skipped, type RecordFields, type SourceItem } from './record.ts';

function parseLine(text: string, line: number, fields: RecordFields): SourceItem {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return skipped(line, `not valid JSON: ${messageOf(error)}`);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return skipped(line, 'not a JSON object');
  return recordOf(Object.entries(value), fields, line);
}

/** JSON lines: one object a line. Blank lines are no records. */
export async function* readJsonLines(bytes: ByteStream, fields: RecordFields): AsyncGenerator<SourceItem> {
  const reader = lines(bytes, MAX_RECORD_BYTES);
  for (;;) {
    const next = await reader.next();
    if (next.done === true) {
      if (next.value !== null) yield skipped(null, `${next.value}; the lines before that were kept`);
      return;
    }
    for (const line of next.value) {
      const decoded = decodeLine(line);
      if (decoded.kind === 'skipped') yield decoded;
      else if (decoded.text.trim() !== '') yield parseLine(decoded.text, line.number, fields);
    }
  }
}
