import type { Evaluation } from '../../evaluate/evaluate.ts';
import { outcomeOf, type Outcome } from '../../protocol/outcome.ts';
import type { Metric } from '../../protocol/results.ts';

export function signed(value: number | null): string {
  return value === null ? '–' : `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
}

/** A difference with its 95 % interval. */
export function change(metric: Metric): string {
  return `${signed(metric.difference)} [${signed(metric.low)}, ${signed(metric.high)}]`;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.01 ? 2 : 0)} %`;
}

/** What verdicts are about: it is of the reconstruction itself, between 0 and 1, and higher is better. */
export function explainedVariance(evaluation: Evaluation): Metric {
  return evaluation.metrics['explained_variance']!;
}

function wordsOf(outcome: Outcome): string {
  switch (outcome) {
    case 'better':
      return 'helped';
    case 'worse':
      return 'made it worse';
    default:
      return 'made no difference that this much text can show';
  }
}

/** A difference counts only when its interval excludes 0; over several seeds, when all of them do, on the same side. */
export function effect(metrics: readonly Metric[]): string {
  const outcomes = new Set(metrics.map((metric) => outcomeOf(metric, 'higher')));
  const [only] = outcomes;
  return wordsOf(outcomes.size === 1 && only !== undefined ? only : 'unresolved');
}
