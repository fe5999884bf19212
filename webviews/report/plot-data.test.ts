import { describe, expect, it } from 'vitest';
import { difference, figure, interval, percent, percentTick, tick, unbroken } from '../kit/figures.ts';
import { csvOf, rangeOf, thinned } from './plot-data.ts';
import { seriesStyles, styleOf } from './series-style.ts';

const series = { name: 'a, "b"', x: [0, 1, 2, 3, 4], y: [1, null, 0.1, 1e-3, 5] };
const axis = { label: 'x', write: figure, tick };

describe('plots of the report', () => {
  it('export every point at full precision', () => {
    const csv = csvOf({
      title: '',
      description: '',
      x: axis,
      y: { ...axis, label: 'y', range: 'data' },
      series: [series],
    });
    expect(csv.split('\r\n')).toEqual([
      'series,x,y',
      '"a, ""b""",0,1',
      '"a, ""b""",1,',
      '"a, ""b""",2,0.1',
      '"a, ""b""",3,0.001',
      '"a, ""b""",4,5',
      '',
    ]);
  });

  it('thin to even distances, ends kept', () => {
    expect(thinned(series, 3).map(({ x }) => x)).toEqual([0, 2, 4]);
    expect(thinned(series, 9)).toHaveLength(5);
    expect(thinned({ name: 'one', x: [7], y: [1] }, 3)).toEqual([{ name: 'one', x: 7, y: 1 }]);
  });

  it('turn logarithmic only for positive values that span much', () => {
    expect(rangeOf([series])).toBe('logarithm of data');
    expect(rangeOf([{ ...series, y: [0, 1, 100, 1, 1] }])).toBe('data');
    expect(rangeOf([{ ...series, y: [1, 2, 3, null, null] }])).toBe('data');
  });

  it('draw a name the same everywhere, and the first six apart', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const styles = seriesStyles([...names, 'a']);
    expect(new Set(names.map((name) => styleOf(styles, name).colour.light)).size).toBe(6);
    expect(new Set(names.map((name) => styleOf(styles, name).colour.dark)).size).toBe(6);
  });
});

describe('metrics of the report', () => {
  it('are written with four digits, a true minus, and a dash for what is missing', () => {
    expect([0.71337, 1234.5, 20007, -0.0000123, 0, null, NaN].map((value) => figure(value))).toEqual([
      '0.7134',
      '1\u202f235',
      '20\u202f007',
      '−1.230e−5',
      '0',
      '–',
      '–',
    ]);
    expect(difference(0.05)).toBe('+0.0500');
    expect([0.25, 1200, 0.00002, 0.5].map(tick)).toEqual(['0.25', '1\u202f200', '2e−5', '0.5']);
    expect(percentTick(0.3)).toBe('30\u202f%');
    expect(percent(0.071)).toBe('7.10\u202f%');
    expect(interval(null, 1, figure)).toBe('–');
    expect(unbroken('8 % of 0.00 % are %')).toBe('8\u202f% of 0.00\u202f% are %');
  });
});
