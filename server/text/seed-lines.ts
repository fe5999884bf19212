/** Seed sets as people keep them in a workspace: one JSON object a line, which diffs well and can be edited by hand. */

export interface SeedLine {
  readonly text: string;
  /** File, relative to the folder that holds `.ssae`, and UTF-16 range it was taken from; null for pasted text. */
  readonly from: { readonly file: string; readonly start: number; readonly end: number } | null;
}

const isPlace = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** By hand rather than by a schema: the editor reads these lines while it starts. */
function seedOf(value: unknown): SeedLine | null {
  if (typeof value !== 'object' || value === null) return null;
  const { text, from = null } = value as { readonly text?: unknown; readonly from?: unknown };
  if (typeof text !== 'string') return null;
  if (from === null) return { text, from };
  if (typeof from !== 'object') return null;
  const { file, start, end } = from as Readonly<Record<string, unknown>>;
  return typeof file === 'string' && isPlace(start) && isPlace(end) ? { text, from: { file, start, end } } : null;
}

/** A line of the file: a seed, or text that is none and is kept as it is. */
export type ParsedLine =
  { readonly kind: 'seed'; readonly seed: SeedLine } | { readonly kind: 'other'; readonly line: string };

export function parseSeedLines(content: string): ParsedLine[] {
  return content
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const seed = seedOf(parsedJson(line));
      return seed === null ? { kind: 'other', line } : { kind: 'seed', seed };
    });
}

function parsedJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

export function writeSeedLines(lines: readonly ParsedLine[]): string {
  return lines.map((line) => `${line.kind === 'seed' ? JSON.stringify(line.seed) : line.line}\n`).join('');
}

/** Adds seeds; one whose text is there already is not added again. @returns how many were added */
export function addSeedLines(
  lines: readonly ParsedLine[],
  seeds: readonly SeedLine[],
): { readonly lines: ParsedLine[]; readonly added: number } {
  const known = new Set(lines.map((line) => (line.kind === 'seed' ? line.seed.text : null)));
  const fresh = seeds.filter(({ text }) => !known.has(text) && known.add(text));
  return { lines: [...lines, ...fresh.map((seed): ParsedLine => ({ kind: 'seed', seed }))], added: fresh.length };
}

/** A change of a document, as editors tell it: [start, end) became `length` characters. */
export interface TextChange {
  readonly start: number;
  readonly end: number;
  readonly length: number;
}

/** Where a range stands after a change. What is typed at its edges stays outside; what is inside grows and shrinks with it. */
export function rangeAfter(
  range: { readonly start: number; readonly end: number },
  change: TextChange,
): { start: number; end: number } {
  const growth = change.length - (change.end - change.start);
  const start = startAfter(range.start, change, growth);
  return { start, end: Math.max(start, endAfter(range.end, change, growth)) };
}

function startAfter(start: number, change: TextChange, growth: number): number {
  if (change.end <= start) return start + growth;
  return change.start >= start ? start : change.start + change.length;
}

function endAfter(end: number, change: TextChange, growth: number): number {
  if (change.start >= end) return end;
  return change.end <= end ? end + growth : change.start;
}
