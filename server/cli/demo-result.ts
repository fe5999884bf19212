import type { ReportData, ReportedDictionary } from '../protocol/report.ts';
import type { Metric } from '../protocol/results.ts';
import { count, figure } from './figures.ts';
import { legend, paintTokens, strongestOf, type ActiveToken } from './painted-text.ts';
import { table } from './table.ts';
import { wrap, type Terminal } from './terminal.ts';

const SHOWN_METRICS = ['explained_variance', 'ce_score', 'kl_score', 'perplexity_spliced', 'tail_coverage'];

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
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
      `${percent(precisionLow)} to ${percent(precisionHigh)}`,
      seconds.toFixed(1),
    ]),
  );
}

function metricRow(dictionary: string, split: string, name: string, metric: Metric): string[] {
  const { value, baseline, difference, low, high } = metric;
  const interval = low === null || high === null ? '–' : `${figure(low)} to ${figure(high)}`;
  return [dictionary, split, name, figure(baseline), figure(value), figure(difference), interval];
}

function metricTable(terminal: Terminal, dictionaries: readonly ReportedDictionary[]): string {
  const rows = dictionaries.flatMap(({ name, splits }) =>
    splits.flatMap(({ split, metrics }) =>
      SHOWN_METRICS.flatMap((metric, i) =>
        metrics[metric] === undefined
          ? []
          : [metricRow(i === 0 ? name : '', i === 0 ? split : '', metric.replaceAll('_', ' '), metrics[metric])],
      ),
    ),
  );
  return table(
    terminal,
    [
      { title: 'dictionary', kind: 'name' },
      { title: 'text', kind: 'name' },
      { title: 'metric', kind: 'snippet' },
      { title: 'before', kind: 'number' },
      { title: 'after', kind: 'number' },
      { title: 'change', kind: 'number' },
      { title: '95 % of change', kind: 'name' },
    ],
    rows,
  );
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

function splitLine({ dictionaries }: ReportData): string {
  return (dictionaries[0]?.splits ?? [])
    .map(
      ({ split, tokens, documents, splitHash }) =>
        `${split}: ${count(tokens)} held-out tokens of ${count(documents)} documents, split ${splitHash}`,
    )
    .join('\n');
}

/** What a person reads when the demo ends: the verdict, what was found, before and after, the painted passage. */
export function demoText(terminal: Terminal, data: ReportData): string {
  const heading = (text: string): string => terminal.chalk.bold.underline(text);
  return [
    heading(data.title),
    data.verdict.map((sentence) => wrap(`• ${sentence}`, terminal.width).join('\n  ')).join('\n'),
    heading('Retrieval, against the labels'),
    retrievalTable(terminal, data),
    heading('Before (builtin-gsae) and after, on text that was never trained on'),
    metricTable(terminal, data.dictionaries),
    splitLine(data),
    ...paintedReadings(terminal, data),
    ...data.notes.map((note) => wrap(note, terminal.width).join('\n')),
  ].join('\n\n');
}
