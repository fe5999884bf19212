import uPlot from 'uplot';
import type { PlotAxis, PlotData } from './plot-data.ts';
import { type SeriesStyles, styleOf } from './series-style.ts';
import type { Theme } from './theme.ts';

const INK: Readonly<Record<Theme, { text: string; grid: string; page: string }>> = {
  light: { text: '#3d4450', grid: '#e3e6ea', page: '#ffffff' },
  dark: { text: '#c3c9d2', grid: '#2e343d', page: '#15181d' },
};
const SCALES = {
  share: { range: (_: uPlot, __: number, high: number): uPlot.Range.MinMax => [0, Math.max(high, 1e-6)] },
  data: {},
  'logarithm of data': { distr: 3 },
};
const FONT = '12px system-ui, sans-serif';

/** Series of different x on one x axis; the gaps this makes are spanned when drawn. */
function aligned({ series }: PlotData): uPlot.AlignedData {
  const tables = series.map(({ x, y }): uPlot.AlignedData => [[...x], [...y]]);
  return tables.length === 1 ? tables[0]! : uPlot.join(tables);
}

function optionsOf(data: PlotData, styles: SeriesStyles, theme: Theme): Omit<uPlot.Options, 'width' | 'height'> {
  const ink = INK[theme];
  const axis = ({ label, tick }: PlotAxis): uPlot.Axis => ({
    label,
    values: (_, splits) => splits.map((value: number | null) => (value === null ? '' : tick(value))),
    stroke: ink.text,
    font: FONT,
    labelFont: FONT,
    labelSize: 22,
    grid: { stroke: ink.grid, width: 1 },
    ticks: { show: false },
  });
  return {
    scales: { x: { time: false }, y: SCALES[data.y.range] },
    axes: [
      { ...axis(data.x), size: 30 },
      { ...axis(data.y), size: 54 },
    ],
    series: [
      {},
      ...data.series.map(({ name }): uPlot.Series => {
        const { colour, dash } = styleOf(styles, name);
        return { stroke: colour[theme], width: 2, dash: [...dash], spanGaps: true, points: { show: false } };
      }),
    ],
    legend: { show: false },
    cursor: { hover: { skip: [null, undefined] } },
    padding: [12, 24, null, null],
  };
}

/** What stands under the cursor: x, and each series' value nearest to it. */
export interface Reading {
  readonly x: number;
  readonly y: readonly (number | null)[];
}

/** Draws a plot in `element`, as wide as that is. Call `destroy` on what is returned. */
export function drawPlot(
  element: HTMLElement,
  data: PlotData,
  styles: SeriesStyles,
  theme: Theme,
  onRead: (reading: Reading | null) => void,
): uPlot {
  const read = (plot: uPlot): void => {
    const { idx, idxs } = plot.cursor;
    if (typeof idx !== 'number') onRead(null);
    else
      onRead({
        x: plot.data[0][idx]!,
        y: data.series.map((_, index) => {
          const nearest = idxs?.[index + 1];
          return typeof nearest === 'number' ? (plot.data[index + 1]![nearest] ?? null) : null;
        }),
      });
  };
  const size = { width: Math.max(200, element.clientWidth), height: 280 };
  const options = { ...optionsOf(data, styles, theme), ...size, hooks: { setCursor: [read] } };
  return new uPlot(options, aligned(data), element);
}

/** Moves the cursor by a share of the points; from nowhere to the first. */
export function stepCursor(plot: uPlot, share: number): void {
  const xs = plot.data[0];
  const { idx } = plot.cursor;
  const step = Math.sign(share) * Math.max(1, Math.round(Math.abs(share) * xs.length));
  const index = typeof idx === 'number' ? Math.min(xs.length - 1, Math.max(0, idx + step)) : 0;
  plot.setCursor({ left: plot.valToPos(xs[index]!, 'x'), top: 0 });
}

const MARGIN = 16;
const LINE = 20;

/** The plot with its title and legend as a picture, on the page's own ground. */
export async function pictureOf(plot: uPlot, data: PlotData, styles: SeriesStyles, theme: Theme): Promise<Blob | null> {
  const ratio = plot.ctx.canvas.width / plot.width;
  const visible = data.series.filter((_, index) => plot.series[index + 1]?.show !== false);
  const top = MARGIN + LINE * (visible.length + 1);
  const canvas = document.createElement('canvas');
  canvas.width = plot.ctx.canvas.width;
  canvas.height = plot.ctx.canvas.height + Math.round(top * ratio);
  const context = canvas.getContext('2d');
  if (context === null) return null;
  context.fillStyle = INK[theme].page;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(plot.ctx.canvas, 0, Math.round(top * ratio));
  context.scale(ratio, ratio);
  context.textBaseline = 'middle';
  context.fillStyle = INK[theme].text;
  context.font = 'bold 14px system-ui, sans-serif';
  context.fillText(data.title, MARGIN, MARGIN + LINE / 2 - 4);
  context.font = FONT;
  context.lineWidth = 2;
  for (const [index, { name }] of visible.entries()) {
    const { colour, dash } = styleOf(styles, name);
    const y = MARGIN + LINE * (index + 1.5);
    context.strokeStyle = colour[theme];
    context.setLineDash([...dash]);
    context.beginPath();
    context.moveTo(MARGIN, y);
    context.lineTo(MARGIN + 32, y);
    context.stroke();
    context.fillText(name, MARGIN + 40, y);
  }
  return new Promise((settle) => {
    canvas.toBlob(settle, 'image/png');
  });
}
