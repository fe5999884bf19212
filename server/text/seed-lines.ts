/** Seed sets as people keep them in a workspace: one JSON object a line, which diffs well and can be edited by hand. */
export interface SeedLine {
  readonly text: string;
  /** File, relative to the folder that holds `.ssae`, and UTF-16 range it was taken from. */
  readonly from: { readonly file: string; readonly start: number; readonly end: number } | null;
}

/** A line of the file: a seed, or text that is none and is kept as it is. */
export type ParsedLine =
  { readonly kind: 'seed'; readonly seed: SeedLine } | { readonly kind: 'other'; readonly line: string };

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
