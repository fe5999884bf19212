import type { Run, RunAction } from '../../server/protocol/panels/training.ts';
import { t } from '../kit/boot.ts';
import { count } from '../kit/figures.ts';
import { useInk } from '../kit/theme.ts';
import { Swatch } from './chart.tsx';
import { duration } from './duration.ts';
import type { TrainingHost } from './training-page.tsx';
import type { KnownRun } from './training-view.ts';

interface ListProperties {
  readonly runs: readonly KnownRun[];
  readonly shown: readonly string[];
  readonly host: TrainingHost;
  readonly toggle: (job: string) => void;
}

/** All runs, newest first: which are drawn, how far each is, and what can be done with it. */
export function RunList({ runs, shown, host, toggle }: ListProperties) {
  const ink = useInk();
  return (
    <div class="runs" role="region" aria-label={t('Runs')} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('Run')}</th>
            <th scope="col">{t('State')}</th>
            <th scope="col" class="number">
              {t('Tokens/s')}
            </th>
            <th scope="col" class="number">
              {t('Left')}
            </th>
            <th scope="col">
              <span class="unseen">{t('Actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.map(({ run, batch }) => {
            const place = shown.indexOf(run.job);
            return (
              <tr key={run.job}>
                <th scope="row">
                  <label>
                    <input
                      type="checkbox"
                      checked={place >= 0}
                      onChange={() => {
                        toggle(run.job);
                      }}
                    />{' '}
                    {place >= 0 && <Swatch ink={ink} place={place} />} {run.title}
                  </label>
                  <span class="quiet created">{run.created.slice(0, 16).replace('T', ' ')}</span>
                </th>
                <td>
                  <State run={run} />
                </td>
                <td class="number">{count(tokensPerSecond(run, batch))}</td>
                <td class="number">{duration(run.progress?.secondsLeft ?? null)}</td>
                <td>
                  <Actions run={run} host={host} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** A step is a batch of tokens; before training starts, tokens are counted themselves. */
function tokensPerSecond({ progress }: Run, batch: number | null): number | null {
  if (progress?.perSecond == null) return null;
  if (progress.unit === 'tokens') return progress.perSecond;
  return progress.unit === 'steps' && batch !== null ? progress.perSecond * batch : null;
}

function State({ run }: { readonly run: Run }) {
  const { progress } = run;
  return (
    <>
      {stateWords(run)}
      {progress !== null && (
        <>
          {' '}
          {progress.total !== null && (
            <progress value={progress.done} max={progress.total} aria-label={t('Progress of {0}', run.title)} />
          )}{' '}
          <span class="quiet">
            {progress.stage}, {count(progress.done)}
            {progress.total !== null && ` / ${count(progress.total)}`} {progress.unit}
          </span>
        </>
      )}
      {run.reason !== null && <span class="quiet reason">{run.reason}</span>}
    </>
  );
}

function stateWords({ state }: Run): string {
  switch (state) {
    case 'queued':
      return t('Waiting');
    case 'running':
      return t('Running');
    case 'paused':
      return t('Paused');
    case 'done':
      return t('Done');
    case 'failed':
      return t('Failed');
    case 'cancelled':
      return t('Cancelled');
  }
}

const ACTIONS: Readonly<Record<Run['state'], readonly RunAction[]>> = {
  queued: ['cancel'],
  running: ['pause', 'cancel'],
  paused: ['resume', 'cancel'],
  done: [],
  failed: ['resume'],
  cancelled: ['resume'],
};

function Actions({ run, host }: { readonly run: Run; readonly host: TrainingHost }) {
  return (
    <span class="buttons">
      {ACTIONS[run.state].map((action) => (
        <button
          key={action}
          type="button"
          class="secondary"
          aria-label={`${actionWords(action)}: ${run.title}`}
          onClick={() => {
            host.post({ type: 'act', job: run.job, action });
          }}
        >
          {actionWords(action)}
        </button>
      ))}
    </span>
  );
}

export function actionWords(action: RunAction): string {
  switch (action) {
    case 'pause':
      return t('Pause');
    case 'resume':
      return t('Resume');
    case 'cancel':
      return t('Cancel');
    case 'compare':
      return t('Compare with GSAE');
    case 'inspect':
      return t('Inspect Here');
    case 'reveal':
      return t('Show Folder');
  }
}
