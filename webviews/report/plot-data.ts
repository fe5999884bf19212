/** One line of a plot: equal lengths, x not decreasing; null where there is no value. */
export interface PlotSeries {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
}

export interface PlotAxis {
  readonly label: string;
  readonly write: (value: number | null) => string;
  /** Writes the marks along the axis. */
  readonly tick: (value: number) => string;
}

export interface PlotData {
  readonly title: string;
  /** What is drawn, with its formula or unit, and how to read it. */
  readonly description: string;
  readonly x: PlotAxis;
  readonly y: PlotAxis & { readonly range: 'share' | 'data' | 'logarithm of data' };
  readonly series: readonly PlotSeries[];
}

const LOGARITHM_FROM = 30;

/** Values that are positive and span more than a factor of 30 are read on a logarithmic axis. */
export function rangeOf(series: readonly PlotSeries[]): 'data' | 'logarithm of data' {
  let [lowest, highest] = [Infinity, -Infinity];
  for (const { y } of series)
    for (const value of y) {
      if (value === null) continue;
      lowest = Math.min(lowest, value);
      highest = Math.max(highest, value);
    }
  return lowest > 0 && highest > LOGARITHM_FROM * lowest ? 'logarithm of data' : 'data';
}

export interface Point {
  readonly name: string;
  readonly x: number;
  readonly y: number | null;
}

/** At most `most` points of a series at even distances, the first and the last among them. */
export function thinned({ name, x, y }: PlotSeries, most = x.length): Point[] {
  const kept = Math.min(most, x.length);
  return Array.from({ length: kept }, (_, place) => {
    const index = kept === 1 ? 0 : Math.round((place * (x.length - 1)) / (kept - 1));
    return { name, x: x[index]!, y: y[index]! };
  });
}

const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** Every point at full precision, a row each (RFC 4180). */
export function csvOf({ x, y, series }: PlotData): string {
  const header = ['series', x.label, y.label];
  const points = series.flatMap((one) => thinned(one)).map((point) => [point.name, `${point.x}`, `${point.y ?? ''}`]);
  return [header, ...points].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}
