import type { ReportedRetrieval } from '../../protocol/report.ts';
import { change, effect, percent } from '../reporting/verdict-words.ts';
import type { DemoEvaluation } from './demo-evaluation.ts';
import type { DemoRetrieval } from './demo-retrieval.ts';
import { SUBJECT } from './subject.ts';

function retrievalSentence(rows: readonly ReportedRetrieval[], labelled: number): string {
  const measured = rows.map((row) => ({ ...row, precision: row.precision ?? 0, baseRate: row.baseRate ?? 0 }));
  const best = measured.reduce((most, row) => (row.precision > most.precision ? row : most));
  const random = measured.find(({ arm }) => arm === 'random')!;
  return (
    `Retrieval: of ${best.arm}'s ${best.passages} passages ${percent(best.precision)} carry the label "${SUBJECT.domain}", of as many random tokens ` +
    `${percent(random.precision)} (base rate ${percent(best.baseRate)}): ${Math.round(best.precision * best.passages)} of the ${labelled} labelled ones there are. Labels are sparse, so precision is a lower bound.`
  );
}

/** What the demo found, whatever it says; one sentence a question. Changes are of explained variance, with 95 % intervals. */
export function verdict({ rows, labelled }: DemoRetrieval, evaluation: DemoEvaluation): string[] {
  const { domain, general, retrievalEffect, termEffect } = evaluation;
  return [
    `Specialising on retrieved text changes the explained variance of held-out ${SUBJECT.domain} text by ${change(domain.get('retrieved-erm')!)} against builtin-gsae.`,
    `Retrieved against random text of equal tokens: ${change(retrievalEffect)}. Choosing the text ${effect([retrievalEffect])}.`,
    `TERM against the mean loss on the same text: ${change(termEffect)}. The tilt ${effect([termEffect])}.`,
    `Cost: on general text the specialised dictionary's explained variance changes by ${change(general.get('retrieved-erm')!)}.`,
    retrievalSentence(rows, labelled),
  ];
}
