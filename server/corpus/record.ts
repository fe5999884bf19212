/** A record of a source, before it is cut into passages. */
export interface SourceRecord {
  readonly kind: 'record';
  /** Id of the document in the source; several records in a row are pieces of one document. */
  readonly document: string;
  readonly text: string;
  /** Where the text begins in its document, in UTF-16 units. */
  readonly offset: number;
  /** 1-based line where the record begins. */
  readonly line: number | null;
  /** Whether the text is the source's own, so that a passage inside it has a line of its own. */
  readonly linesInText: boolean;
  readonly fields: Readonly<Record<string, string>>;
}

/** A record that could not be read. */
export interface SkippedRecord {
  readonly kind: 'skipped';
  readonly line: number | null;
  readonly reason: string;
}

export type SourceItem = SourceRecord | SkippedRecord;

/** Records larger than this are passed over. */
export const MAX_RECORD_BYTES = 16 * 1024 * 1024;
/** Fields longer than this are left out of passages: fields are labels and titles. */
const MAX_FIELD_LENGTH = 1024;

export function skipped(line: number | null, reason: string): SkippedRecord {
  return { kind: 'skipped', line, reason };
}

/** JSON can hold half a surrogate pair, which no UTF-8 store can: it becomes U+FFFD, so that places stay. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

function fieldText(value: unknown): string | null {
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (!Array.isArray(value)) return null;
  const entries = value.map(fieldText);
  return entries.includes(null) ? null : entries.join('|');
}

/** Which fields of a record hold its text and its id. */
export interface RecordFields {
  readonly text: string;
  readonly id: string | null;
}

/**
 * A record from named values. Its other fields are kept where they are short: texts as they are, numbers and booleans as text,
 * lists of those joined by `|`.
 * @param line 1-based line; also the document's id where no field holds one
 */
export function recordOf(
  values: readonly (readonly [string, unknown])[],
  { text: textField, id: idField }: RecordFields,
  line: number,
): SourceItem {
  const named = new Map(values);
  const names = [...named.keys()].join(', ');
  if (!named.has(textField)) return skipped(line, `no field "${textField}"; it has: ${names}`);
  const text = named.get(textField);
  if (typeof text !== 'string')
    return skipped(line, `field "${textField}" is ${JSON.stringify(text).slice(0, 40)}, not a text`);
  if (text.trim() === '') return skipped(line, `field "${textField}" is empty`);
  const id = idField === null ? String(line) : fieldText(named.get(idField));
  if (id === null) return skipped(line, `no field "${idField}" with an id; it has: ${names}`);
  const fields = Object.fromEntries(
    [...named].flatMap(([name, value]) => {
      const kept = name === textField ? null : fieldText(value);
      return kept === null || kept.length > MAX_FIELD_LENGTH ? [] : [[name, kept]];
    }),
  );
  return { kind: 'record', document: id, text: wellFormed(text), offset: 0, line, linesInText: false, fields };
}
