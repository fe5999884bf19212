import type { ShownPassage } from '../../server/protocol/corpus-pages.ts';

type Provenance = Pick<ShownPassage, 'text' | 'start' | 'end' | 'line' | 'source'>;

/** A UTF-16 range of a document's text. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** Files whose text is the document itself; in others, records have their own offsets, and only the line leads to them. */
const TEXT_FILE = /\.(txt|text|md|markdown)$/i;

/** Whether a source is a file that an editor can open: not part of the product, not compressed. */
export function isOpenable(source: string): boolean {
  return !/^(npm|seeds):/.test(source) && !/\.gz$/i.test(source);
}

/** The passage's text as a document with these line ends has it. */
function asIn(document: string, text: string): string {
  return text.replace(/\r\n?/g, '\n').replaceAll('\n', document.includes('\r\n') ? '\r\n' : '\n');
}

/** Where a 1-based line begins; the end of the text for one beyond it. */
function lineStart(document: string, line: number): number {
  let at = 0;
  for (let passed = 1; passed < line; passed++) {
    const next = document.indexOf('\n', at);
    if (next < 0) return document.length;
    at = next + 1;
  }
  return at;
}

function lineAt(document: string, line: number): TextRange {
  const start = lineStart(document, line);
  const end = document.indexOf('\n', start);
  return { start, end: end < 0 ? document.length : end - (document[end - 1] === '\r' ? 1 : 0) };
}

/**
 * Where a passage stands in its source's text. An editor may have made all line ends alike, and the file may have been edited since it was
 * read: then the text is looked for from its line on, then anywhere. A record of a JSON-lines or CSV file is its line.
 * @returns null where nothing is left of it and no line is known
 */
export function sourceRange(document: string, { source, text, start, end, line }: Provenance): TextRange | null {
  if (TEXT_FILE.test(source)) {
    if (document.slice(start, end) === text) return { start, end };
    const sought = asIn(document, text);
    const near = document.indexOf(sought, line === null ? 0 : lineStart(document, line));
    const found = near >= 0 ? near : document.indexOf(sought);
    if (found >= 0 && sought !== '') return { start: found, end: found + sought.length };
  }
  return line === null ? null : lineAt(document, line);
}
