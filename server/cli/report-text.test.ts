import { Chalk } from 'chalk';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { exampleReport } from '../../webviews/report/example.ts';
import type { Metric } from '../protocol/results.ts';
import { reportText } from './report-text.ts';
import type { Terminal } from './terminal.ts';

const terminal = (level: 0 | 3): Terminal =>
  ({ width: 80, chalk: new Chalk({ level }), background: 'dark' }) as Terminal;

describe('what a demo or an experiment says at its end', () => {
  it('fits 80 columns, and begins with the verdict', () => {
    const text = reportText(terminal(0), exampleReport);
    const lines = text.split('\n');
    expect(lines.map((line) => [stringWidth(line), line]).filter(([width]) => (width as number) > 80)).toEqual([]);
    expect(text.replace(/\s+/g, ' ')).toContain(exampleReport.verdict[0]!.replace(/\s+/g, ' '));
    for (const { name, splits } of exampleReport.dictionaries) {
      expect(text).toContain(name);
      for (const { splitHash } of splits) expect(text).toContain(splitHash);
    }
  });

  it('says once why a split of one document has no intervals', () => {
    const bare = (metric: Metric): Metric => ({ ...metric, low: null, high: null });
    const dictionaries = exampleReport.dictionaries.map((dictionary) => ({
      ...dictionary,
      splits: dictionary.splits.map((split) => ({
        ...{ ...split, documents: 1 },
        metrics: Object.fromEntries(Object.entries(split.metrics).map(([name, metric]) => [name, bare(metric)])),
      })),
    }));
    const text = reportText(terminal(0), { ...exampleReport, dictionaries }).replace(/\s+/g, ' ');
    expect(text).toContain('of 1 document, split');
    expect(text.match(/n = 1 document: no interval/g)).toHaveLength(2);
    expect(text).not.toContain('[–');
  });

  it('paints the passage in colour alone', () => {
    const [, painted] = reportText(terminal(3), exampleReport).split(exampleReport.painted!.readings.at(-1)!.name);
    expect(painted).toContain('\u001b[48;2;');
    expect(reportText(terminal(0), exampleReport)).not.toContain('\u001b');
  });
});
