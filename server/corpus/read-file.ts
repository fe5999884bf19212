import { basename } from 'node:path';
import { fileBytes, gunzip, type ByteStream } from './byte-stream.ts';
import { readDelimited } from './read-delimited.ts';
import { readJsonLines } from './read-json-lines.ts';
import { readText } from './read-text.ts';
import { skipped, type RecordFields, type SourceItem } from './record.ts';

const FORMATS = {
  txt: 'text',
  text: 'text',
  md: 'markdown',
  markdown: 'markdown',
  jsonl: 'json lines',
  ndjson: 'json lines',
  csv: 'comma-separated',
  tsv: 'tab-separated',
} as const;
type Format = (typeof FORMATS)[keyof typeof FORMATS];

/** The format that a file's name tells, with or without `.gz`; null for one that cannot be read. A bare `.gz` is text. */
export function formatOf(path: string): { readonly format: Format; readonly compressed: boolean } | null {
  const name = basename(path).toLowerCase();
  const compressed = name.endsWith('.gz');
  const inner = compressed ? name.slice(0, -3) : name;
  const extension = inner.includes('.') ? inner.slice(inner.lastIndexOf('.') + 1) : null;
  if (extension === null) return compressed ? { format: 'text', compressed } : null;
  if (!Object.hasOwn(FORMATS, extension)) return null;
  return { format: FORMATS[extension as keyof typeof FORMATS], compressed };
}

export interface ReadSettings {
  readonly fields: RecordFields;
  /** Records are never divided. */
  readonly whole: boolean;
  /** Told the bytes read from disk as reading goes on. */
  readonly onRead: (bytes: number) => void;
}

async function* from(first: IteratorResult<Buffer, string | null>, rest: ByteStream): ByteStream {
  if (first.done === true) return first.value;
  yield first.value;
  return yield* rest;
}

/** Records of one file, as a stream. What cannot be read is skipped with its line and reason, never thrown. */
export async function* readFile(path: string, { fields, whole, onRead }: ReadSettings): AsyncGenerator<SourceItem> {
  const known = formatOf(path);
  if (known === null) {
    yield skipped(
      null,
      `unknown kind of file; expected one of: .${Object.keys(FORMATS).join(', .')}, each also with .gz`,
    );
    return;
  }
  const raw = fileBytes(path, onRead);
  const content = known.compressed ? gunzip(raw) : raw;
  const first = await content.next();
  if (first.done !== true && first.value.includes(0)) {
    await content.return(null);
    yield skipped(null, 'a binary file: it holds NUL bytes (text in UTF-16 must be converted to UTF-8)');
    return;
  }
  const bytes = from(first, content);
  switch (known.format) {
    case 'text':
    case 'markdown':
      yield* readText(bytes, { document: basename(path), markdown: known.format === 'markdown', whole });
      return;
    case 'json lines':
      yield* readJsonLines(bytes, fields);
      return;
    case 'comma-separated':
      yield* readDelimited(bytes, ',', fields);
      return;
    case 'tab-separated':
      yield* readDelimited(bytes, '\t', fields);
      return;
  }
}
