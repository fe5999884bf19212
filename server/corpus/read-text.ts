import { lines, type ByteStream } from './byte-stream.ts';
import { decodeLine } from './decode.ts';
import { MAX_RECORD_BYTES, skipped, type SourceItem } from './record.ts';

/** A text file is handed on in pieces: they end at a blank line once they are so long, in UTF-16 units … */
const PIECE_LENGTH = 1 << 16;
/** … and at the end of a line once they are so long. */
const MAX_PIECE_LENGTH = 1 << 18;
const MAX_FRONT_MATTER_LENGTH = 1 << 16;

export interface TextFormat {
  readonly document: string;
  readonly markdown: boolean;
  /** Never divided: a file beyond the record limit is then passed over. */
  readonly whole: boolean;
}

/** Length of YAML or TOML front matter at the start of a Markdown text, its closing line included; 0 where there is none. */
function frontMatterLength(text: string): number {
  return (
    /^(---|\+\+\+)[^\S\n]*\n(?:[^]*?\n)?\1[^\S\n]*(?:\n|$)/.exec(text.slice(0, MAX_FRONT_MATTER_LENGTH))?.[0].length ??
    0
  );
}

/**
 * A text file as one document, in pieces that are small beside memory. Offsets count from the first character after a byte order
 * mark, as an editor's do; lines that are not UTF-8 are left out, named, and counted as an editor shows them.
 */
export async function* readText(
  bytes: ByteStream,
  { document, markdown, whole }: TextFormat,
): AsyncGenerator<SourceItem> {
  let [text, offset, firstLine, line] = ['', 0, 1, 1];
  let damaged = false;
  const take = function* (next: string, nextLine: number): Generator<SourceItem> {
    const front = markdown && offset === 0 ? frontMatterLength(text) : 0;
    const content = text.slice(front);
    if (content.trim() !== '') {
      const beginsAt = firstLine + (text.slice(0, front).match(/\n/g)?.length ?? 0);
      yield {
        kind: 'record',
        document,
        text: content,
        offset: offset + front,
        line: beginsAt,
        linesInText: true,
        fields: {},
      };
    }
    [offset, text, firstLine] = [offset + text.length, next, nextLine];
  };
  const reader = lines(bytes, MAX_RECORD_BYTES);
  for (;;) {
    const next = await reader.next();
    if (next.done === true) {
      if (next.value !== null) yield skipped(line, `${next.value}; the lines before that were kept`);
      if (!(whole && damaged)) yield* take('', line);
      return;
    }
    for (const read of next.value) {
      line = read.number + 1;
      const decoded = decodeLine(read);
      if (decoded.kind === 'line' && decoded.text.includes('\0')) {
        yield skipped(read.number, 'a binary file: it holds NUL bytes');
        return;
      }
      if (decoded.kind === 'skipped') {
        damaged = true;
        yield decoded;
        if (!whole) yield* take('', read.number + 1);
        offset += read.bytes?.toString('utf8').length ?? 0;
        continue;
      }
      text += decoded.text;
      const blank = decoded.text.trim() === '';
      const full = text.length >= MAX_PIECE_LENGTH || (blank && text.length >= PIECE_LENGTH);
      if (whole && text.length > MAX_RECORD_BYTES) {
        yield skipped(1, `longer than ${MAX_RECORD_BYTES / 1024 ** 2} MiB; take paragraphs or windows of it`);
        return;
      }
      if (!whole && full) yield* take('', read.number + 1);
    }
  }
}
