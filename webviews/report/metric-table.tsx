import type { ReportedDictionary, ReportedSplit } from '../../server/protocol/report.ts';
import type { Metric } from '../../server/protocol/results.ts';
import { difference, figure, interval } from '../kit/figures.ts';
import { noInterval, type Outcome, outcomeOf } from '../../server/protocol/outcome.ts';
import { meaningOf } from './metric-meaning.ts';
import { TableFigure } from './table-figure.tsx';

const SPLITS: Readonly<Record<ReportedSplit['split'], string>> = {
  domain: 'Domain text, held out',
  general: 'General text, held out',
};

export function DictionaryMetrics({ dictionary }: { readonly dictionary: ReportedDictionary }) {
  return (
    <section>
      <h3>{dictionary.name}</h3>
      <p>{dictionary.description}</p>
      {dictionary.splits.map((split) => (
        <MetricTable key={`${split.split} ${split.splitHash}`} split={split} of={dictionary.name} />
      ))}
    </section>
  );
}

function MetricTable({ split, of }: { readonly split: ReportedSplit; readonly of: string }) {
  const metrics = Object.entries(split.metrics);
  const compared = metrics.some(([, { baseline }]) => baseline !== null);
  return (
    <>
      <TableFigure
        label={`${of}, ${SPLITS[split.split]}`}
        caption={
          <>
            <strong>{SPLITS[split.split]}</strong>: n = {figure(split.tokens)} tokens, {figure(split.documents)}{' '}
            {split.documents === 1 ? 'document' : 'documents'}; split <code>{split.splitHash.slice(0, 12)}</code>.
            {split.documents < 2 && ` ${noInterval(split.documents)}; the bootstrap draws documents.`}
          </>
        }
      >
        <thead>
          <tr>
            <th scope="col">Metric</th>
            {compared && (
              <th scope="col" class="number">
                Before
              </th>
            )}
            <th scope="col" class="number">
              {compared ? 'After' : 'Value'}
            </th>
            {compared && (
              <th scope="col" class="number">
                Difference
              </th>
            )}
            <th scope="col" class="number">
              95 % interval{compared ? ' of difference' : ''}
            </th>
            {compared && <th scope="col">Comes to</th>}
          </tr>
        </thead>
        <tbody>
          {metrics.map(([name, metric]) => (
            <MetricRow key={name} name={name} metric={metric} compared={compared} />
          ))}
        </tbody>
      </TableFigure>
      <Formulas metrics={metrics} />
    </>
  );
}

function Formulas({ metrics }: { readonly metrics: readonly (readonly [name: string, metric: Metric])[] }) {
  return (
    <details class="formulas">
      <summary>Formulas, n, and how the intervals were drawn</summary>
      <dl>
        {metrics.map(([name, { formula }]) => (
          <div key={name}>
            <dt>
              {meaningOf(name).label} <code>{name}</code>
            </dt>
            <dd>{formula}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  better: '▲ better',
  worse: '▼ worse',
  higher: '↑ higher',
  lower: '↓ lower',
  unresolved: '○ not resolved',
  none: '',
};

function MetricRow({
  name,
  metric,
  compared,
}: {
  readonly name: string;
  readonly metric: Metric;
  readonly compared: boolean;
}) {
  const { label, better } = meaningOf(name);
  const outcome = outcomeOf(metric, better);
  const write = metric.baseline === null ? figure : difference;
  return (
    <tr>
      <th scope="row">{label}</th>
      {compared && <td class="number">{figure(metric.baseline)}</td>}
      <td class="number">{figure(metric.value)}</td>
      {compared && <td class="number">{difference(metric.difference)}</td>}
      <td class="number">{interval(metric.low, metric.high, write)}</td>
      {compared && (
        <td class={`outcome ${outcome}`}>
          <IntervalMark metric={metric} />
          {OUTCOMES[outcome]}
        </td>
      )}
    </tr>
  );
}

/** The interval of the difference against zero, in the middle; each row has its own scale. */
function IntervalMark({ metric: { baseline, low, high, difference } }: { readonly metric: Metric }) {
  if (baseline === null || low === null || high === null || difference === null) return null;
  const widest = Math.max(Math.abs(low), Math.abs(high), Math.abs(difference));
  if (widest === 0) return null;
  const place = (value: number): number => 50 + (46 * value) / widest;
  return (
    <svg class="mark" viewBox="0 0 100 14" aria-hidden="true">
      <line class="zero" x1="50" x2="50" y1="0" y2="14" />
      <line class="whisker" x1={place(low)} x2={place(high)} y1="7" y2="7" />
      <circle class="dot" cx={place(difference)} cy="7" r="3.5" />
    </svg>
  );
}
