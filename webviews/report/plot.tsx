import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { download, fileName } from './download.ts';
import { drawPlot, pictureOf, type Reading, stepCursor } from './plot-canvas.ts';
import { csvOf, type PlotData, thinned } from './plot-data.ts';
import { type SeriesStyles, styleOf } from './series-style.ts';
import type { Theme } from './theme.ts';
import { TableFigure } from './table-figure.tsx';

const ROWS_OF_A_SERIES = 24;
const KEYS: Readonly<Record<string, number>> = {
  ArrowLeft: -0.01,
  ArrowRight: 0.01,
  PageUp: -0.1,
  PageDown: 0.1,
  Home: -1,
  End: 1,
};

interface PlotProperties {
  readonly data: PlotData;
  readonly styles: SeriesStyles;
  readonly theme: Theme;
}

/** Lines with a legend that hides them, values under the cursor, the numbers as a table, and files to take away. */
export function Plot({ data, styles, theme }: PlotProperties) {
  const element = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [reading, setReading] = useState<Reading | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());

  useLayoutEffect(() => {
    const parent = element.current;
    if (parent === null) return undefined;
    const drawn = drawPlot(parent, data, styles, theme, setReading);
    plot.current = drawn;
    const observer = new ResizeObserver(() => {
      drawn.setSize({ width: Math.max(200, parent.clientWidth), height: drawn.height });
    });
    observer.observe(parent);
    return (): void => {
      observer.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [data, styles, theme]);

  useLayoutEffect(() => {
    for (const [index, { name }] of data.series.entries())
      plot.current?.setSeries(index + 1, { show: !hidden.has(name) });
  }, [data, styles, theme, hidden]);

  const savePicture = async (): Promise<void> => {
    const picture = plot.current === null ? null : await pictureOf(plot.current, data, styles, theme);
    if (picture !== null) download(fileName(data.title, 'png'), picture);
  };
  const saveNumbers = (): void => {
    download(fileName(data.title, 'csv'), new Blob([csvOf(data)], { type: 'text/csv' }));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const share = KEYS[event.key];
    if (share === undefined || plot.current === null) return;
    event.preventDefault();
    stepCursor(plot.current, share);
  };

  return (
    <figure class="plot">
      <figcaption>
        <h3>{data.title}</h3>
        <p>{data.description}</p>
      </figcaption>
      <ul class="legend">
        {data.series.map(({ name }, index) => (
          <li key={name}>
            <button
              type="button"
              aria-pressed={!hidden.has(name)}
              title="Show or hide"
              onClick={() => {
                setHidden(toggled(hidden, name));
              }}
            >
              <Swatch colour={styleOf(styles, name).colour[theme]} dash={styleOf(styles, name).dash} />
              {name}
            </button>
            <span class="value">{reading === null ? '' : data.y.write(reading.y[index] ?? null)}</span>
          </li>
        ))}
        <li class="value">
          <span role="status">{reading === null ? '' : `${data.x.label} ${data.x.write(reading.x)}`}</span>
        </li>
      </ul>
      <div
        ref={element}
        class="canvas"
        role="img"
        tabIndex={0}
        aria-label={`${data.title}: ${data.description} ${summaryOf(data)} Arrow keys read values; a table of the numbers follows.`}
        onKeyDown={onKeyDown}
      />
      <p class="actions">
        <button type="button" onClick={() => void savePicture()}>
          Save PNG
        </button>
        <button type="button" onClick={saveNumbers}>
          Save CSV
        </button>
        <span>Drag to zoom, double-click to see all.</span>
      </p>
      <NumbersTable data={data} />
    </figure>
  );
}

function toggled(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const next = new Set(names);
  if (!next.delete(name)) next.add(name);
  return next;
}

function summaryOf({ series, y }: PlotData): string {
  return series
    .map((one) => `${one.name} goes from ${y.write(one.y[0] ?? null)} to ${y.write(one.y.at(-1) ?? null)}.`)
    .join(' ');
}

function Swatch({ colour, dash }: { readonly colour: string; readonly dash: readonly number[] }) {
  return (
    <svg width="32" height="12" aria-hidden="true">
      <line x1="0" y1="6" x2="32" y2="6" stroke={colour} stroke-width="3" stroke-dasharray={dash.join(' ')} />
    </svg>
  );
}

function NumbersTable({ data }: { readonly data: PlotData }) {
  return (
    <details class="numbers">
      <summary>Numbers as a table</summary>
      <TableFigure
        label={`${data.title}, numbers`}
        caption={<>At most {ROWS_OF_A_SERIES} points of each line at even distances; the CSV file holds every point.</>}
      >
        <thead>
          <tr>
            <th scope="col">Series</th>
            <th scope="col" class="number">
              {data.x.label}
            </th>
            <th scope="col" class="number">
              {data.y.label}
            </th>
          </tr>
        </thead>
        <tbody>
          {data.series
            .flatMap((series) => thinned(series, ROWS_OF_A_SERIES))
            .map(({ name, x, y }) => (
              <tr key={`${name} ${x}`}>
                <th scope="row">{name}</th>
                <td class="number">{data.x.write(x)}</td>
                <td class="number">{data.y.write(y)}</td>
              </tr>
            ))}
        </tbody>
      </TableFigure>
    </details>
  );
}
