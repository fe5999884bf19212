import type { Evaluation } from '../../evaluate/evaluate.ts';
import { noInterval, outcomeOf, type Outcome } from '../../protocol/outcome.ts';
import type { Metric } from '../../protocol/results.ts';

export function signed(value: number | null): string {
  return value === null ? '–' : `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;
}

/** What a verdict reads of an evaluation. */
export type Measured = Pick<Evaluation, 'metrics' | 'n'>;

/** How explained variance changed, with its 95 % interval, or why there is none. */
export function change(evaluation: Measured): string {
  const { difference, low, high } = explainedVariance(evaluation);
  const interval =
    low === null || high === null ? noInterval(evaluation.n.documents) : `${signed(low)}, ${signed(high)}`;
  return `${signed(difference)} [${interval}]`;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.01 ? 2 : 0)} %`;
}

/** What verdicts are about: it is of the reconstruction itself, between 0 and 1, and higher is better. */
export function explainedVariance(evaluation: Measured): Metric {
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
export function effect(evaluations: readonly Measured[]): string {
  const outcomes = new Set(evaluations.map((evaluation) => outcomeOf(explainedVariance(evaluation), 'higher')));
  const [only] = outcomes;
  return wordsOf(outcomes.size === 1 && only !== undefined ? only : 'unresolved');
}
