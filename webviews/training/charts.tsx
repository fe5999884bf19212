import { useState } from 'preact/hooks';
import type { TrainingSeries } from '../../server/protocol/training-series.ts';
import { t } from '../kit/boot.ts';
import { count, figure, percent, percentTick, tick } from '../kit/figures.ts';
import { useInk } from '../kit/theme.ts';
import { Chart, type ChartWords } from './chart.tsx';
import { chartsOf } from './chart-data.ts';
import type { KnownRun } from './training-view.ts';

const plain = { write: (value: number | null) => figure(value), tick };
const share = { write: percent, tick: percentTick };

function wordsOf(series: TrainingSeries): ChartWords {
  switch (series) {
    case 'loss':
      return { title: t('Loss'), description: t('The objective of the batch, with auxiliary terms.'), ...plain };
    case 'effectiveSampleSize':
      return {
        title: t('Effective sample size'),
        description: t('1 / Σw² over the batch; 100 % weighs all alike.'),
        ...share,
      };
    case 'tilt':
      return {
        title: t('Tilt'),
        description: t('The t that was in force, in units of 1 / loss; 0 weighs all alike.'),
        ...plain,
      };
    case 'divergence':
      return {
        title: t('KL of the predictions'),
        description: t('Of the model with the reconstruction from its own, nats per token; of the last steps.'),
        ...plain,
      };
    case 'l0':
      return { title: 'L0', description: t('Active features per token.'), ...plain };
    case 'explainedVariance':
      return { title: t('Explained variance'), description: t('1 − Σ‖x−x̂‖² / Σ‖x−x̄‖² over the batch.'), ...plain };
    case 'deadShare':
      return { title: t('Dead share'), description: t('Features silent for the auxiliary loss’s window.'), ...share };
  }
}

interface ChartsProperties {
  readonly runs: readonly KnownRun[];
  readonly logarithmic: boolean;
}

/** All charts with one cursor. */
export function Charts({ runs, logarithmic }: ChartsProperties) {
  const ink = useInk();
  const [step, setStep] = useState<number | null>(null);
  const steps = (way: number): void => {
    const all = runs.flatMap(({ points }) => [...points.step]).sort((a, b) => a - b);
    if (all.length === 0) return;
    const place = step === null ? 0 : all.findLastIndex((one) => one <= step);
    const next = place + Math.sign(way) * Math.max(1, Math.round(Math.abs(way) * all.length));
    setStep(all[Math.min(all.length - 1, Math.max(0, next))]!);
  };
  return (
    <>
      <p class="quiet" role="status">
        {step === null ? t('Latest values') : t('Values at step {0}', count(step))}
      </p>
      <div class="charts">
        {chartsOf(runs).map((kind) => (
          <Chart
            key={kind.series}
            words={wordsOf(kind.series)}
            {...{ kind, runs, ink, logarithmic, step, setStep, steps }}
          />
        ))}
      </div>
    </>
  );
}
