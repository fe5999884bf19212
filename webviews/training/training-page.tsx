import { useEffect, useReducer, useState } from 'preact/hooks';
import type { FromTrainingPanel, ToTrainingPanel, TrainingPanelState } from '../../server/protocol/panels/training.ts';
import { t } from '../kit/boot.ts';
import type { Host } from '../kit/host.ts';
import { Failure, Skeleton } from '../kit/part.tsx';
import { Charts } from './charts.tsx';
import { RunDetails } from './run-details.tsx';
import { RunList } from './run-list.tsx';
import { afterEvent, type TrainingView } from './training-view.ts';

export type TrainingHost = Host<ToTrainingPanel, FromTrainingPanel, TrainingPanelState>;

export function TrainingPage({ host }: { readonly host: TrainingHost }) {
  const [view, dispatch] = useReducer(afterEvent, null, (): TrainingView => {
    return { runs: null, shown: host.remembered?.shown ?? [], failure: null };
  });
  const [logarithmic, setLogarithmic] = useState(() => host.remembered?.logarithmic ?? false);
  const { runs, shown, failure } = view;
  const shownKey = shown.join(' ');

  useEffect(() => host.listen(dispatch), [host]);
  useEffect(() => {
    host.post({ type: 'show', jobs: [...shown] });
  }, [host, shownKey]);
  useEffect(() => {
    host.remember({ shown: [...shown], logarithmic });
  }, [host, shownKey, logarithmic]);

  const retry = (): void => {
    dispatch({ type: 'retry' });
    host.post({ type: 'show', jobs: [...shown] });
  };
  if (runs === null) return failure === null ? <Skeleton lines={10} /> : <Failure message={failure} retry={retry} />;
  const drawn = shown.flatMap((job) => runs.filter(({ run }) => run.job === job));
  return (
    <>
      <header class="heading">
        <h1>{t('Training')}</h1>
        <label>
          <input
            type="checkbox"
            checked={logarithmic}
            onChange={({ currentTarget }) => {
              setLogarithmic(currentTarget.checked);
            }}
          />{' '}
          {t('Logarithmic scales')}
        </label>
      </header>
      {failure !== null && <Failure message={failure} retry={retry} />}
      <main>
        {runs.length === 0 ? (
          <p class="quiet">{t('No dictionary has been trained yet. Runs appear here as they start.')}</p>
        ) : (
          <RunList
            {...{ runs, shown, host }}
            toggle={(job) => {
              dispatch({ type: 'toggle', job });
            }}
          />
        )}
        {drawn.flatMap(({ run, failure: why }) =>
          why === null ? [] : [<Failure key={run.job} message={`${run.title}: ${why}`} retry={retry} />],
        )}
        {drawn.length > 0 && <Charts runs={drawn} logarithmic={logarithmic} />}
        {drawn.map((known) => (
          <RunDetails key={known.run.job} known={known} host={host} />
        ))}
      </main>
    </>
  );
}
