import type { EvaluateResult, Metric } from '../../server/protocol/results.ts';

/** Words of the table, translated by the caller. */
export interface TableWords {
  readonly metric: string;
  readonly baseline: string;
  readonly difference: string;
  readonly interval: string;
  readonly formula: string;
}

/** Text that Markdown shows as it is, inside a table too. */
export function literal(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]()#+\-.!|<>~$&]/g, '\\$&');
}

/** Four significant digits, a true minus sign. */
function figure(value: number | null): string {
  if (value === null) return '–';
  const isPlain = value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6);
  const text = isPlain ? String(Number(value.toPrecision(4))) : value.toExponential(3);
  return text.replace('-', '−').replace('e-', 'e−');
}

function interval({ low, high }: Metric): string {
  return low === null || high === null ? '–' : `${figure(low)} … ${figure(high)}`;
}

/** Rows of a Markdown table, one a metric; columns of the baseline where there is one. */
export function metricTable({ dictionary, baseline, metrics }: EvaluateResult, words: TableWords): string {
  const isCompared = baseline !== null;
  const compared = (cells: string[]): string[] => (isCompared ? cells : []);
  const heads = [
    ...[words.metric, literal(dictionary)],
    ...compared([`${words.baseline} ${literal(baseline ?? '')}`, words.difference]),
    ...[words.interval, words.formula],
  ];
  const rows = Object.entries(metrics).map(([name, metric]) => [
    ...[literal(name), figure(metric.value)],
    ...compared([figure(metric.baseline), figure(metric.difference)]),
    ...[interval(metric), literal(metric.formula)],
  ]);
  const alignment = heads.map((_, column) => (column === 0 || column === heads.length - 1 ? ':--' : '--:'));
  return [heads, alignment, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
