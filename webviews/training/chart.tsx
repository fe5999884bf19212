import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { t } from '../kit/boot.ts';
import { colourOf, dashOf, type Ink } from '../kit/theme.ts';
import { aligned, type ChartKind, readings, valuesOf } from './chart-data.ts';
import type { KnownRun } from './training-view.ts';

export interface ChartWords {
  readonly title: string;
  readonly description: string;
  readonly write: (value: number | null) => string;
  readonly tick: (value: number) => string;
}

interface ChartProperties {
  readonly kind: ChartKind;
  readonly words: ChartWords;
  readonly runs: readonly KnownRun[];
  readonly ink: Ink;
  readonly logarithmic: boolean;
  /** Step under the cursor of whichever chart has it; null for none. */
  readonly step: number | null;
  readonly setStep: (step: number | null) => void;
  readonly steps: (way: number) => void;
}

const HEIGHT = 190;
const SYNCHRONISED = 'ssae.training';
const ROWS = 24;
/** Where a cursor is not seen. */
const OUTSIDE = -10;
const DATA_SCALES = { linear: {}, logarithmic: { distr: 3 } };
const KEYS: Readonly<Record<string, number>> = {
  ArrowLeft: -0.01,
  ArrowRight: 0.01,
  PageUp: -0.1,
  PageDown: 0.1,
  Home: -1,
  End: 1,
};

/** One series of all shown runs over their steps. The plot stays while points come in; it is made anew when what is drawn changes. */
export function Chart({ kind, words, runs, ink, logarithmic, step, setStep, steps }: ChartProperties) {
  const parent = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const runKey = runs.map(({ run }) => run.job).join(' ');
  const log = logarithmic && kind.scale === 'data' && kind.series !== 'explainedVariance';
  const data = useMemo(() => aligned(runs, kind.series, log), [runs, kind.series, log]);
  const empty = data[0].length === 0;

  useLayoutEffect(() => {
    const element = parent.current;
    if (element === null || empty) return undefined;
    const size = { width: Math.max(160, element.clientWidth), height: HEIGHT };
    const read = ({ cursor, data: [xs] }: uPlot): void => {
      setStep(typeof cursor.idx === 'number' ? (xs[cursor.idx] ?? null) : null);
    };
    const drawn = new uPlot(
      { ...options(kind, words, runs.length, ink, log), ...size, hooks: { setCursor: [read] } },
      data,
      element,
    );
    plot.current = drawn;
    const observer = new ResizeObserver(() => {
      drawn.setSize({ width: Math.max(160, element.clientWidth), height: HEIGHT });
    });
    observer.observe(element);
    return (): void => {
      observer.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [runKey, ink, log, empty]);

  useEffect(() => {
    const drawn = plot.current;
    if (drawn === null || drawn.data === data) return;
    // A reader who has zoomed in stays there while points come in. A single point is shown with room around it.
    const { min, max } = drawn.scales['x']!;
    const [xs] = drawn.data;
    drawn.setData(data, xs.length < 2 || (min === xs[0] && max === xs.at(-1)));
  }, [data]);

  // The cursor that another chart's keys have moved; a pointer moves all by itself.
  useEffect(() => {
    const drawn = plot.current;
    if (drawn === null || document.activeElement?.closest('.canvas') == null) return;
    const left = step === null ? OUTSIDE : drawn.valToPos(step, 'x');
    if (Math.abs((drawn.cursor.left ?? OUTSIDE) - left) > 1) drawn.setCursor({ left, top: Math.sign(left) }, false);
  }, [step]);

  const values = readings(runs, kind.series, null).map(words.write);
  return (
    <figure class="chart">
      <figcaption>
        <h2>{words.title}</h2>
        <p class="quiet">{words.description}</p>
      </figcaption>
      <ul class="legend">
        {readings(runs, kind.series, step).map((value, place) => (
          <li key={runs[place]!.run.job}>
            <Swatch ink={ink} place={place} />
            <span class="name">{runs[place]!.run.title}</span> <span class="number">{words.write(value)}</span>
          </li>
        ))}
      </ul>
      {empty ? (
        <p class="canvas nothing quiet">{t('No points yet.')}</p>
      ) : (
        <div
          ref={parent}
          class="canvas"
          role="img"
          tabIndex={0}
          aria-label={t(
            '{0} over {1} steps, latest {2}. Arrow keys read values; a table of the numbers follows.',
            ...[words.title, data[0].at(-1) ?? 0, values.join(', ')],
          )}
          onBlur={() => {
            setStep(null);
          }}
          onKeyDown={(event) => {
            const way = KEYS[event.key];
            if (way === undefined) return;
            event.preventDefault();
            steps(way);
          }}
        />
      )}
      <NumbersTable {...{ kind, words, runs }} />
    </figure>
  );
}

function options(
  { scale }: ChartKind,
  { tick }: ChartWords,
  count: number,
  ink: Ink,
  logarithmic: boolean,
): Omit<uPlot.Options, 'width' | 'height'> {
  const axis: uPlot.Axis = {
    values: (_, splits) => splits.map((value: number | null) => (value === null ? '' : tick(value))),
    ...{ stroke: ink.text, font: ink.font, ticks: { show: false }, grid: { stroke: ink.grid, width: 0.5 } },
  };
  const share = (_: uPlot, __: number, high: number | null): uPlot.Range.MinMax => [
    0,
    Math.max(1.05 * (high ?? 0), 1e-6),
  ];
  return {
    scales: {
      x: { time: false },
      y: scale === 'share' ? { range: share } : DATA_SCALES[logarithmic ? 'logarithmic' : 'linear'],
    },
    axes: [
      {
        ...axis,
        size: 26,
        values: (_, splits) => splits.map((value) => value.toLocaleString('en').replaceAll(',', '\u202f')),
      },
      { ...axis, size: 58 },
    ],
    series: [
      {},
      ...Array.from({ length: count }, (_, place): uPlot.Series => {
        const stroke = colourOf(ink, place);
        return { stroke, width: 1.5, dash: dashOf(place), spanGaps: true, points: { show: false } };
      }),
    ],
    legend: { show: false },
    cursor: { y: false, sync: { key: SYNCHRONISED }, hover: { skip: [null, undefined] }, points: { size: 6 } },
    padding: [8, 12, null, null],
  };
}

export function Swatch({ ink, place }: { readonly ink: Ink; readonly place: number }) {
  return (
    <svg class="swatch" width="28" height="10" aria-hidden="true">
      <line
        {...{ x1: 0, x2: 28, y1: 5, y2: 5 }}
        stroke={colourOf(ink, place)}
        stroke-width="2.5"
        stroke-dasharray={dashOf(place).join(' ')}
      />
    </svg>
  );
}

function NumbersTable({ kind, words, runs }: Pick<ChartProperties, 'kind' | 'words' | 'runs'>) {
  return (
    <details>
      <summary>{t('Numbers as a table')}</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label={t('{0}, numbers', words.title)}>
        {runs.map((known) => {
          const values = valuesOf(known, kind.series);
          const { step } = known.points;
          const rows = Math.min(ROWS, step.length);
          return (
            <table key={known.run.job}>
              <caption>{known.run.title}</caption>
              <thead>
                <tr>
                  <th scope="col">{t('Step')}</th>
                  <th scope="col" class="number">
                    {words.title}
                  </th>
                </tr>
              </thead>
              <tbody>
                {Array.from({ length: rows }, (_, row) => {
                  const at = rows === 1 ? 0 : Math.round((row * (step.length - 1)) / (rows - 1));
                  return (
                    <tr key={row}>
                      <th scope="row">{step[at]}</th>
                      <td class="number">{words.write(values[at] ?? null)}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          );
        })}
      </div>
    </details>
  );
}
