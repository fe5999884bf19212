import type { ReportData, ReportedDictionary } from '../protocol/report.ts';
import { noInterval } from '../protocol/outcome.ts';
import type { Metric } from '../protocol/results.ts';
import { count, counted, figure } from './figures.ts';
import { legend, paintTokens, strongestOf, type ActiveToken } from './painted-text.ts';
import { table, type Column } from './table.ts';
import { wrap, type Terminal } from './terminal.ts';

/** Metrics that tell a specialised dictionary from the general one, under names that fit 80 columns. */
const SHOWN_METRICS: Readonly<Record<string, string>> = {
  explained_variance: 'expl. variance',
  ce_score: 'CE score',
  kl_score: 'KL score',
  perplexity_spliced: 'spliced perpl.',
  tail_coverage: 'tail coverage',
};

function percent(share: number | null): string {
  return share === null ? '–' : `${(100 * share).toFixed(2)} %`;
}

function retrievalTable(terminal: Terminal, { retrieval }: ReportData): string {
  return table(
    terminal,
    [
      { title: 'arm', kind: 'name' },
      { title: 'passages', kind: 'number' },
      { title: 'tokens', kind: 'number' },
      { title: 'precision', kind: 'number' },
      { title: '95 % interval', kind: 'name' },
      { title: 'seconds', kind: 'number' },
    ],
    retrieval.map(({ arm, passages, tokens, precision, precisionLow, precisionHigh, seconds }) => [
      ...[arm, count(passages), count(tokens), percent(precision)],
      precisionLow === null ? '–' : `${percent(precisionLow)} to ${percent(precisionHigh)}`,
      seconds.toFixed(1),
    ]),
  );
}

function signed(value: number | null, decimals: number): string {
  if (value === null) return '–';
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(decimals)}`;
}

function metricRow(dictionary: string, label: string, { value, baseline, difference, low, high }: Metric): string[] {
  const decimals = Math.abs(value) < 10 ? 4 : 2;
  const interval = low === null || high === null ? '' : ` [${signed(low, decimals)}, ${signed(high, decimals)}]`;
  return [dictionary, label, figure(baseline), figure(value), `${signed(difference, decimals)}${interval}`];
}

/** Every dictionary against the one before, on one split; null where nothing was measured on it. */
function splitTable(terminal: Terminal, dictionaries: readonly ReportedDictionary[], split: string): string | null {
  const measured = dictionaries.flatMap(({ name, splits }) =>
    splits.filter((one) => one.split === split).map((one) => ({ name, ...one })),
  );
  const [first] = measured;
  if (first === undefined) return null;
  const rows = measured.flatMap(({ name, metrics }) =>
    Object.entries(SHOWN_METRICS)
      .filter(([metric]) => metrics[metric] !== undefined)
      .map(([metric, label], i) => metricRow(i === 0 ? name : '', label, metrics[metric]!)),
  );
  const columns: Column[] = [
    { title: 'dictionary', kind: 'name' },
    { title: 'metric', kind: 'name' },
    { title: 'before', kind: 'number' },
    { title: 'after', kind: 'number' },
    { title: 'change [95 %]', kind: 'name' },
  ];
  const { tokens, documents, splitHash } = first;
  const without = documents < 2 ? `; ${noInterval(documents)}` : '';
  const n = `${count(tokens)} held-out tokens of ${counted(documents, 'document')}, split ${splitHash}${without}`;
  return `${wrap(`${split} text: ${n}`, terminal.width).join('\n')}\n\n${table(terminal, columns, rows)}`;
}

function paintedReadings(terminal: Terminal, { painted }: ReportData): string[] {
  if (painted === null || terminal.chalk.level === 0) return [];
  let strongest = 0;
  const readings = painted.readings.map(({ name, tokens }) => {
    let start = 0;
    const active: ActiveToken[] = tokens.map(({ text, activation }) => {
      const token = { start, end: start + text.length, activation };
      start = token.end;
      return token;
    });
    strongest = Math.max(strongest, strongestOf(active));
    return { name, text: tokens.map(({ text }) => text).join(''), active };
  });
  return [
    wrap(painted.description, terminal.width).join('\n'),
    ...readings.map(
      ({ name, text, active }) => `${terminal.chalk.bold(name)}\n${paintTokens(terminal, text, active, strongest)}`,
    ),
    legend(terminal, strongest),
  ];
}

/** What a person reads when a demo or an experiment ends: the verdict, what was found, before and after, the painted passage. */
export function reportText(terminal: Terminal, data: ReportData): string {
  const heading = (text: string): string => terminal.chalk.bold.underline(text);
  return [
    heading(data.title),
    data.verdict.map((sentence) => wrap(`• ${sentence}`, terminal.width).join('\n  ')).join('\n'),
    heading(data.retrieval.some(({ precision }) => precision !== null) ? 'Retrieval, against the labels' : 'Retrieval'),
    retrievalTable(terminal, data),
    heading('Before and after, on text neither searched nor finetuned on'),
    ...['domain', 'general'].flatMap((split) => splitTable(terminal, data.dictionaries, split) ?? []),
    ...paintedReadings(terminal, data),
    ...data.notes.map((note) => wrap(note, terminal.width).join('\n')),
  ].join('\n\n');
}
