import type { ReportedCoverage, ReportedTraining } from '../../server/protocol/report.ts';
import { figure, percent, percentTick, tick } from '../kit/figures.ts';
import { type PlotData, rangeOf } from './plot-data.ts';

const STEP = { label: 'step', write: figure, tick };

/** Loss, and where some objective tilts its weights, effective sample size. */
export function trainingPlots(training: readonly ReportedTraining[]): PlotData[] {
  if (training.length === 0) return [];
  const loss = training.map(({ name, step, loss }) => ({ name, x: step, y: loss }));
  const tilted = training.filter((run) => run.effectiveSampleSizeShare.some((share) => share !== null));
  const range = rangeOf(loss);
  const plots: PlotData[] = [
    {
      title: 'Training loss',
      description:
        "Each run's own objective over optimizer steps; runs with different objectives do not share a scale of quality.",
      x: STEP,
      y: { label: range === 'data' ? 'loss' : 'loss, logarithmic', write: figure, tick, range },
      series: loss,
    },
  ];
  if (tilted.length > 0)
    plots.push({
      title: 'Effective sample size',
      description:
        '(Σw)² / Σw² over the batch size, w the weights of tokens in the tilted loss: 100 % weighs all tokens alike.',
      x: STEP,
      y: { label: 'share of the batch', write: percent, tick: percentTick, range: 'share' },
      series: tilted.map(({ name, step, effectiveSampleSizeShare }) => ({
        name,
        x: step,
        y: effectiveSampleSizeShare,
      })),
    });
  return plots;
}

const RAREST_FIRST = { label: 'share of tokens, rarest types first', write: percent, tick: percentTick };

export function coveragePlots(coverage: readonly ReportedCoverage[]): PlotData[] {
  if (coverage.length === 0) return [];
  return [
    {
      title: 'Coverage of the tail',
      description:
        'Tokens whose type has a feature, over all tokens (recall), accumulated from the rarest token type to the commonest. Higher on the left: more of the rare types have a feature.',
      x: RAREST_FIRST,
      y: { label: 'covered share of all tokens', write: percent, tick: percentTick, range: 'share' },
      series: coverage.map(({ name, tokenShare, coveredShare }) => ({ name, x: tokenShare, y: coveredShare })),
    },
    {
      title: 'Allocation of covered tokens',
      description:
        'The same, over the tokens that have a feature, so that every line ends at 100 %: where coverage lies, not how much there is.',
      x: RAREST_FIRST,
      y: { label: 'share of covered tokens', write: percent, tick: percentTick, range: 'share' },
      series: coverage.map(({ name, tokenShare, normalisedShare }) => ({ name, x: tokenShare, y: normalisedShare })),
    },
  ];
}
