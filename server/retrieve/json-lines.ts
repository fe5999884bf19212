import type { z } from 'zod';
import { fileBytes, lines } from '../corpus/byte-stream.ts';
import { decodeLine } from '../corpus/decode.ts';
import { MAX_RECORD_BYTES } from '../corpus/record.ts';
import { WorkError } from '../foundation/errors.ts';

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * Records of a JSON-lines file that someone else may have written; blank lines are passed over.
 * @throws WorkError with the number of the first line that is too long, not UTF-8, not JSON, or does not fit the schema
 */
export async function* readJsonLines<T>(path: string, schema: z.ZodType<T>): AsyncGenerator<T, void, undefined> {
  for await (const batch of lines(
    fileBytes(path, () => undefined),
    MAX_RECORD_BYTES,
  ))
    for (const bytes of batch) {
      const wrong = (why: string): WorkError => new WorkError(`${path}, line ${bytes.number}: ${why}`);
      const line = decodeLine(bytes);
      if (line.kind === 'skipped') throw wrong(line.reason);
      if (line.text.trim() === '') continue;
      const value = parse(line.text);
      if (value === undefined) throw wrong('not valid JSON');
      const record = schema.safeParse(value);
      if (!record.success) {
        const issue = record.error.issues[0]!;
        throw wrong(`${issue.path.length === 0 ? 'the record' : `"${issue.path.join('.')}"`}: ${issue.message}`);
      }
      yield record.data;
    }
}

export function toJsonLines(records: readonly object[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}
