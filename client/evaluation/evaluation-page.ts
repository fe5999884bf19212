import * as vscode from 'vscode';
import type { JobDetail } from '../../server/protocol/jobs.ts';
import type { EvaluateResult } from '../../server/protocol/results.ts';
import { literal, metricTable } from './evaluation-table.ts';

function intervalWords({ baseline, n }: EvaluateResult): string {
  if (n.documents < 2) return vscode.l10n.t('The bootstrap draws documents; of one document there is no interval.');
  return baseline === null
    ? vscode.l10n.t('The interval is that of the value: bootstrap over documents.')
    : vscode.l10n.t('The interval is that of the difference: bootstrap over documents.');
}

/** The result of an evaluation as Markdown. @throws Error for a job that is none, or is not done */
export function evaluationPage({ id, spec, result }: JobDetail): string {
  if (spec.kind !== 'evaluate' || result === null)
    throw new Error(vscode.l10n.t('Job {0} is no evaluation that is done.', id));
  const evaluation = result as EvaluateResult;
  const { dictionary, baseline, n, splitHash, overlapDropped } = evaluation;
  const { corpus, exclude, seed } = spec.request;
  const title =
    baseline === null
      ? vscode.l10n.t('{0} on {1}', dictionary, corpus)
      : vscode.l10n.t('{0} against {1} on {2}', dictionary, baseline, corpus);
  const table = metricTable(evaluation, {
    metric: vscode.l10n.t('Metric'),
    baseline: vscode.l10n.t('Baseline'),
    difference: vscode.l10n.t('Difference'),
    interval: vscode.l10n.t('95 % interval'),
    formula: vscode.l10n.t('Formula'),
  });
  const facts = [
    vscode.l10n.t('n: {0} tokens of {1} documents', n.tokens, n.documents),
    vscode.l10n.t('Split: {0} (seed {1})', splitHash, seed),
    vscode.l10n.t('Passages left out because they overlap a seed or a selection: {0}', overlapDropped),
    vscode.l10n.t('Held-out text never overlaps: {0}', [...exclude.selections, ...exclude.seeds].join(', ') || '–'),
    intervalWords(evaluation),
  ];
  return [`# ${literal(title)}`, table, facts.map((fact) => `- ${literal(fact)}`).join('\n'), ''].join('\n\n');
}
