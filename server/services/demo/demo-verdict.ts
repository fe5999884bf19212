import type { Evaluation } from '../../evaluate/evaluate.ts';
import { outcomeOf } from '../../protocol/outcome.ts';
import type { ReportedRetrieval } from '../../protocol/report.ts';
import type { Metric } from '../../protocol/results.ts';
import type { DemoEvaluation } from './demo-evaluation.ts';
import type { DemoRetrieval } from './demo-retrieval.ts';
import { SUBJECT } from './subject.ts';

function signed(value: number | null): string {
  return value === null ? '–' : `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
}

function change(metric: Metric): string {
  return `${signed(metric.difference)} [${signed(metric.low)}, ${signed(metric.high)}]`;
}

const explained = (evaluation: Evaluation): Metric => evaluation.metrics['explained_variance']!;
const percent = (share: number): string => `${(100 * share).toFixed(share < 0.01 ? 2 : 0)} %`;

function retrievalSentence(rows: readonly ReportedRetrieval[], labelled: number): string {
  const best = rows.reduce((most, row) => (row.precision > most.precision ? row : most));
  const random = rows.find(({ arm }) => arm === 'random')!;
  return (
    `Retrieval: of ${best.arm}'s ${best.passages} passages ${percent(best.precision)} carry the label "${SUBJECT.domain}", of as many random tokens ` +
    `${percent(random.precision)} (base rate ${percent(best.baseRate)}): ${Math.round(best.precision * best.passages)} of the ${labelled} labelled ones there are. Labels are sparse, so precision is a lower bound.`
  );
}

/** A difference counts only when its interval excludes 0. */
function effect(metric: Metric): string {
  switch (outcomeOf(metric, 'higher')) {
    case 'better':
      return 'helped';
    case 'worse':
      return 'made it worse';
    default:
      return 'made no difference that this much text can show';
  }
}

/** What the demo found, whatever it says; one sentence a question. Changes are of explained variance, with 95 % intervals. */
export function verdict({ rows, labelled }: DemoRetrieval, evaluation: DemoEvaluation): string[] {
  const { domain, general, retrievalEffect, termEffect } = evaluation;
  const specialised = explained(domain.get('retrieved-erm')!);
  const forgotten = explained(general.get('retrieved-erm')!);
  return [
    `Specialising on retrieved text changes the explained variance of held-out ${SUBJECT.domain} text by ${change(specialised)} against builtin-gsae.`,
    `Retrieved against random text of equal tokens: ${change(explained(retrievalEffect))}. Choosing the text ${effect(explained(retrievalEffect))}.`,
    `TERM against the mean loss on the same text: ${change(explained(termEffect))}. The tilt ${effect(explained(termEffect))}.`,
    `Cost: on general text the specialised dictionary's explained variance changes by ${change(forgotten)}.`,
    retrievalSentence(rows, labelled),
  ];
}
