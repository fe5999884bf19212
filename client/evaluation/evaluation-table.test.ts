import { expect, it } from 'vitest';
import type { EvaluateResult } from '../../server/protocol/results.ts';
import { metricTable } from './evaluation-table.ts';

const words = {
  metric: 'Metric',
  baseline: 'Baseline',
  difference: 'Difference',
  interval: '95 %',
  formula: 'Formula',
};
const metric = { value: 0.912345, baseline: 0.9, difference: -0.000012345, low: -0.5, high: null, formula: '1 − |x|' };
const result: EvaluateResult = {
  ...{ dictionary: 'my_d', baseline: 'g', n: { tokens: 10, documents: 1 }, splitHash: 'ab', overlapDropped: 0 },
  metrics: { explained_variance: metric, l0: { ...metric, value: 12, low: 11.5, high: 1234567 } },
};

it('an evaluation is a table of metrics with figures, interval and formula, nothing of which is markup', () => {
  expect(metricTable(result, words).split('\n')).toEqual([
    '| Metric | my\\_d | Baseline g | Difference | 95 % | Formula |',
    '| :-- | --: | --: | --: | --: | :-- |',
    '| explained\\_variance | 0.9123 | 0.9 | −1.234e−5 | – | 1 − \\|x\\| |',
    '| l0 | 12 | 0.9 | −1.234e−5 | 11.5 … 1.235e+6 | 1 − \\|x\\| |',
  ]);
});

it('an evaluation without a baseline has no columns for one', () => {
  const [head, , row] = metricTable({ ...result, baseline: null }, words).split('\n');
  expect([head, row]).toEqual([
    '| Metric | my\\_d | 95 % | Formula |',
    '| explained\\_variance | 0.9123 | – | 1 − \\|x\\| |',
  ]);
});
