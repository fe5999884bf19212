import type { ReportedRetrieval } from '../../server/protocol/report.ts';
import { figure, interval, percent } from '../kit/figures.ts';
import { TableFigure } from './table-figure.tsx';

export function RetrievalTable({ rows }: { readonly rows: readonly ReportedRetrieval[] }) {
  return (
    <TableFigure
      label="Retrieval"
      caption={
        <>
          Precision: share of retrieved passages that are of the domain, with a 95 % interval. Base rate: the
          domain&rsquo;s share of the corpus, which is what drawing at random gives.
        </>
      }
    >
      <thead>
        <tr>
          <th scope="col">Arm</th>
          <th scope="col">Precision</th>
          <th scope="col" class="number">
            95 % interval
          </th>
          <th scope="col" class="number">
            Base rate
          </th>
          <th scope="col" class="number">
            Passages
          </th>
          <th scope="col" class="number">
            Tokens
          </th>
          <th scope="col" class="number">
            Left out as overlap
          </th>
          <th scope="col" class="number">
            Seconds
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.arm}>
            <th scope="row">{row.arm}</th>
            <td class="precision">
              {percent(row.precision)} <PrecisionMark row={row} />
            </td>
            <td class="number">{interval(row.precisionLow, row.precisionHigh, percent)}</td>
            <td class="number">{percent(row.baseRate)}</td>
            <td class="number">{figure(row.passages)}</td>
            <td class="number">{figure(row.tokens)}</td>
            <td class="number">{figure(row.overlapDropped)}</td>
            <td class="number">{figure(row.seconds, 2)}</td>
          </tr>
        ))}
      </tbody>
    </TableFigure>
  );
}

/** From 0 to 1: a bar to the precision, a whisker over its interval, a tick at the base rate. */
function PrecisionMark({
  row: { precision, precisionLow, precisionHigh, baseRate },
}: {
  readonly row: ReportedRetrieval;
}) {
  if (precision === null || precisionLow === null || precisionHigh === null || baseRate === null) return null;
  return (
    <svg class="mark" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">
      <rect class="ground" x="0" y="3" width="100" height="8" />
      <rect class="bar" x="0" y="3" width={100 * precision} height="8" />
      <line class="whisker" x1={100 * precisionLow} x2={100 * precisionHigh} y1="7" y2="7" />
      <line class="zero" x1={100 * baseRate} x2={100 * baseRate} y1="0" y2="14" />
    </svg>
  );
}
