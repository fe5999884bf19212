/** What stands in a document of passages, from top to bottom. */
export type Block =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'passage'; readonly head: string | null; readonly text: string };

/** Which lines of the document a passage has. 0-based; ends are exclusive. */
export interface PassageLines {
  /** Of the passage's head where it has one, else of its text. */
  readonly first: number;
  readonly text: number;
  readonly end: number;
}

export interface Layout {
  readonly text: string;
  /** One entry a passage, in order. */
  readonly passages: readonly PassageLines[];
}

/**
 * Text as an editor shows it: lines end in \n and nothing else ends one. Blank lines at both ends are left out; all else stays where
 * it is, so that a word can be found in it.
 */
export function shownText(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/[\u2028\u2029\v\f]/g, ' ')
    .replace(/^(?:[^\S\n]*\n)+|(?:\n[^\S\n]*)+$/g, '');
}

/** Header lines, then blocks with a blank line before each. */
export function layOut(header: readonly string[], blocks: readonly Block[]): Layout {
  const lines = header.map(oneLine);
  const passages: PassageLines[] = [];
  for (const block of blocks) {
    if (lines.length > 0) lines.push('');
    if (block.kind === 'heading') {
      lines.push(oneLine(block.text));
      continue;
    }
    const first = lines.length;
    if (block.head !== null) lines.push(oneLine(block.head));
    const text = lines.length;
    lines.push(...shownText(block.text).split('\n'));
    passages.push({ first, text, end: lines.length });
  }
  return { text: `${lines.join('\n')}\n`, passages };
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\u2028\u2029\v\f]+/g, ' ');
}

/** The passage that a line belongs to, by its place in the layout; null between passages. */
export function passageAt({ passages }: Layout, line: number): number | null {
  const index = passages.findIndex(({ first, end }) => first <= line && line < end);
  return index < 0 ? null : index;
}
