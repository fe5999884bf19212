import { appendFileSync } from 'node:fs';

/** One line of the table. Milliseconds unless the unit says otherwise. */
export interface Row {
  readonly row: string;
  readonly what: string;
  readonly unit: 'ms' | 'MB' | 's' | '×';
  readonly n: number;
  readonly median: number;
  readonly p95: number;
  /** Null where the figure is told for information. */
  readonly goal: { readonly of: 'median' | 'p95'; readonly atMost: number } | null;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]!;
}

/** Hands a row to bench/run-editor.mjs, which prints the table. */
export function report(
  { row, what, unit = 'ms', goal = null }: Pick<Row, 'row' | 'what'> & Partial<Pick<Row, 'unit' | 'goal'>>,
  values: readonly number[],
): void {
  if (values.length === 0) throw new Error(`row ${row}, ${what}: nothing was measured`);
  const figures = { n: values.length, median: quantile(values, 0.5), p95: quantile(values, 0.95) };
  const done: Row = { row, what, unit, goal, ...figures };
  console.log(`    ${row} ${what}: median ${done.median.toFixed(1)} ${unit}, p95 ${done.p95.toFixed(1)}, n ${done.n}`);
  const file = process.env['SSAE_BENCH_ROWS'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(done)}\n`);
}

export const p95 = (atMost: number) => ({ of: 'p95', atMost }) as const;
export const median = (atMost: number) => ({ of: 'median', atMost }) as const;
