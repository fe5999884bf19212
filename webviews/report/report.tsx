import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import type { ReportData } from '../../server/protocol/report.ts';
import { unbroken } from '../kit/figures.ts';
import { download, fileName } from './download.ts';
import { DictionaryMetrics } from './metric-table.tsx';
import { PaintedPassage } from './painted-passage.tsx';
import { Hits, Seeds } from './passages.tsx';
import type { PlotData } from './plot-data.ts';
import { Plot } from './plot.tsx';
import { coveragePlots, trainingPlots } from './plots-of-report.ts';
import { RetrievalTable } from './retrieval-table.tsx';
import { seriesStyles, type SeriesStyles } from './series-style.ts';
import { type Theme, useTheme } from './theme.ts';

interface Part {
  readonly id: string;
  readonly title: string;
  readonly content: ComponentChildren;
}

/** The whole page: the verdict first, then what it rests on; parts with nothing to show are left out. */
export function Report({ data }: { readonly data: ReportData }) {
  const theme = useTheme();
  const { styles, training, coverage } = useMemo(
    () => ({
      styles: seriesStyles([...data.coverage, ...data.training].map(({ name }) => name)),
      training: trainingPlots(data.training),
      coverage: coveragePlots(data.coverage),
    }),
    [data],
  );
  const parts = partsOf(
    data,
    <Plots plots={training} {...{ styles, theme }} />,
    <Plots plots={coverage} {...{ styles, theme }} />,
  );
  return (
    <>
      <header>
        <h1>{data.title}</h1>
        <div class="verdict">
          {data.verdict.map((sentence) => (
            <p key={sentence}>{unbroken(sentence)}</p>
          ))}
        </div>
        {data.notes.length > 0 && (
          <ul class="notes">
            {data.notes.map((note) => (
              <li key={note}>{unbroken(note)}</li>
            ))}
          </ul>
        )}
        <nav aria-label="Parts of the report">
          {parts.map(({ id, title }) => (
            <a key={id} href={`#${id}`}>
              {title}
            </a>
          ))}
        </nav>
      </header>
      <main>
        {parts.map(({ id, title, content }) => (
          <section key={id} id={id} aria-labelledby={`${id}-title`}>
            <h2 id={`${id}-title`}>{title}</h2>
            {content}
          </section>
        ))}
      </main>
    </>
  );
}

function partsOf(data: ReportData, training: ComponentChildren, coverage: ComponentChildren): Part[] {
  const { retrieval, dictionaries, painted, seeds, hits } = data;
  const parts: (Part | null)[] = [
    retrieval.length > 0 ? { id: 'retrieval', title: 'Retrieval', content: <RetrievalTable rows={retrieval} /> } : null,
    dictionaries.length > 0
      ? {
          id: 'metrics',
          title: 'Before and after',
          content: dictionaries.map((dictionary) => (
            <DictionaryMetrics key={dictionary.name} dictionary={dictionary} />
          )),
        }
      : null,
    data.coverage.length > 0 ? { id: 'coverage', title: 'Rare token types', content: coverage } : null,
    painted === null ? null : { id: 'passage', title: 'One passage', content: <PaintedPassage passage={painted} /> },
    data.training.length > 0 ? { id: 'training', title: 'Training', content: training } : null,
    seeds.length > 0 ? { id: 'seeds', title: 'Seeds', content: <Seeds seeds={seeds} /> } : null,
    hits.length > 0 ? { id: 'hits', title: 'Retrieved passages', content: <Hits hits={hits} /> } : null,
    { id: 'provenance', title: 'Provenance', content: <Provenance data={data} /> },
  ];
  return parts.filter((part) => part !== null);
}

interface PlotsProperties {
  readonly plots: readonly PlotData[];
  readonly styles: SeriesStyles;
  readonly theme: Theme;
}

function Plots({ plots, styles, theme }: PlotsProperties) {
  return (
    <div class="plots">
      {plots.map((plot) => (
        <Plot key={plot.title} data={plot} styles={styles} theme={theme} />
      ))}
    </div>
  );
}

function Provenance({ data }: { readonly data: ReportData }) {
  return (
    <>
      <dl>
        {data.provenance.map(({ key, value }) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>
              <code>{value}</code>
            </dd>
          </div>
        ))}
      </dl>
      <p class="actions">
        <button
          type="button"
          onClick={() => {
            const json = new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' });
            download(fileName(data.title, 'json'), json);
          }}
        >
          Save everything as JSON
        </button>
      </p>
    </>
  );
}
