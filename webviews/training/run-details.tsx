import type { RunAction, RunFacts } from '../../server/protocol/panels/training.ts';
import { t } from '../kit/boot.ts';
import { count, figure, percent } from '../kit/figures.ts';
import { duration } from './duration.ts';
import { actionWords } from './run-list.tsx';
import type { TrainingHost } from './training-page.tsx';
import type { KnownRun } from './training-view.ts';

const AFTERWARDS: readonly RunAction[] = ['inspect', 'compare', 'reveal'];

/** What a run was asked and, once it is done, what its held-out rows say and what to do next. */
export function RunDetails({
  known: { run, facts, batch },
  host,
}: {
  readonly known: KnownRun;
  readonly host: TrainingHost;
}) {
  if (facts === null) return null;
  const { result } = facts;
  return (
    <section aria-label={run.title} class="details">
      <div class="heading">
        <h2>{run.title}</h2>
        {result !== null && (
          <span class="buttons">
            {AFTERWARDS.map((action, place) => (
              <button
                key={action}
                type="button"
                class={place === 0 ? undefined : 'secondary'}
                onClick={() => {
                  host.post({ type: 'act', job: run.job, action });
                }}
              >
                {actionWords(action)}
              </button>
            ))}
          </span>
        )}
      </div>
      <dl>
        {[...(result === null ? [] : metrics(result)), ...provenance(facts, facts.batch ?? batch)].map(
          ([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
        )}
      </dl>
    </section>
  );
}

function metrics({ final, heldOut, tokens, steps, seconds }: NonNullable<RunFacts['result']>): [string, string][] {
  return [
    [t('Explained variance, held out'), figure(final.explainedVariance)],
    [t('L0, held out'), figure(final.l0)],
    [t('Mean squared error, held out'), figure(final.mse)],
    [t('Dead share, held out'), percent(final.deadShare)],
    [t('Effective sample size'), final.effectiveSampleSize === null ? '–' : figure(final.effectiveSampleSize)],
    [t('Held out'), t('n = {0} tokens, split {1}', count(heldOut.tokens), heldOut.splitHash.slice(0, 12))],
    [t('Trained'), t('{0} tokens in {1} steps, {2}', count(tokens), count(steps), duration(seconds))],
  ];
}

function provenance({ objective, engine, seed, output, result }: RunFacts, batch: number | null): [string, string][] {
  const shape: [string, string][] =
    result === null
      ? []
      : [
          [
            t('Dictionary'),
            `${result.architecture}, ${count(result.dIn)} × ${count(result.dSae)}, ${result.hookPoint ?? '–'}`,
          ],
        ];
  return [
    ...shape,
    [t('Objective'), objective],
    [t('Batch'), batch === null ? '–' : t('{0} tokens', count(batch))],
    [t('Seed'), String(seed)],
    [t('Engine'), engine],
    [t('Output'), result?.path ?? output],
  ];
}
