import type { Evaluation } from '../../evaluate/evaluate.ts';
import type { ReportedRetrieval } from '../../protocol/report.ts';
import { objectiveText } from '../../protocol/objective-text.ts';
import { change, effect, explainedVariance, type Measured, percent, signed } from '../reporting/verdict-words.ts';
import type { ExperimentParts } from './experiment-steps.ts';
import type { PlannedComparison, PlannedSetting } from './experiment-plan.ts';
import type { RunFindings } from './run-findings.ts';

/** Mean and standard deviation (n − 1) of the differences; one random seed has its interval instead. */
export function changeOverSeeds(evaluations: readonly Measured[]): string {
  const [first] = evaluations;
  if (evaluations.length === 1 && first !== undefined) return change(first);
  const values = evaluations.map((evaluation) => explainedVariance(evaluation).difference ?? NaN);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
  if (!Number.isFinite(mean)) return '–';
  return `${signed(mean)} ± ${spread.toFixed(4)} over ${values.length} random seeds`;
}

/** What a setting is called in a sentence: its arm and objective, and what else varies. */
export function settingText({ arm, objective, mode, id }: PlannedSetting, isSwept: boolean): string {
  return isSwept ? id : [arm, objectiveText(objective), ...(mode === 'finetune' ? [] : [mode])].join(', ');
}

function evaluationsOf(
  { plan }: ExperimentParts,
  setting: PlannedSetting,
  split: ReadonlyMap<string, Evaluation>,
): Evaluation[] {
  const dictionaries = plan.dictionaries.filter((one) => one.setting === setting);
  return dictionaries.flatMap(({ id }) => {
    const evaluation = split.get(id);
    return evaluation === undefined ? [] : [evaluation];
  });
}

/** One clause a setting, for all that answer a question. */
function clausesOf(
  findings: RunFindings,
  question: PlannedComparison['question'],
  isSwept: boolean,
  words: string,
): string[] {
  const asked = findings.comparisons.filter(({ planned }) => planned.question === question);
  return [...new Set(asked.map(({ planned }) => planned.of.setting))].map((setting) => {
    const measured = asked.filter(({ planned }) => planned.of.setting === setting).map(({ evaluation }) => evaluation);
    return `${settingText(setting, isSwept)}: ${changeOverSeeds(measured)}, ${words} ${effect(measured)}`;
  });
}

const MAX_CLAUSES = 8;

function listed(clauses: readonly string[]): string {
  const more = clauses.length - MAX_CLAUSES;
  return `${clauses.slice(0, MAX_CLAUSES).join('; ')}${more > 0 ? `; and ${more} more, in the tables` : ''}.`;
}

function retrievalSentence(rows: readonly ReportedRetrieval[]): string[] {
  const labelled = rows.filter(({ precision }) => precision !== null);
  if (labelled.length === 0) return [];
  const arms = labelled.map(({ arm, precision, passages }) => `${arm} ${percent(precision!)} of ${passages} passages`);
  return [
    `Retrieval: what carries the label: ${arms.join(', ')}; base rate ${percent(labelled[0]!.baseRate!)}. Where labels are sparse, precision is a lower bound.`,
  ];
}

/** The best of many is best by chance as well: said as what it is. */
function bestSentence(parts: ExperimentParts, findings: RunFindings): string[] {
  const { settings } = parts.plan;
  if (settings.length < 3) return [];
  const means = settings.map((setting) => {
    const values = evaluationsOf(parts, setting, findings.domain).map((one) => explainedVariance(one).value);
    return { setting, mean: values.reduce((sum, value) => sum + value, 0) / values.length };
  });
  const best = means.reduce((most, one) => (one.mean > most.mean ? one : most));
  return [
    `Of ${settings.length} settings, ${best.setting.id} explains most of the variance of domain text (${best.mean.toFixed(3)}). It was picked on the text it is measured on, so its lead is too large.`,
  ];
}

/**
 * What an experiment found, whatever it says; one sentence a question. Changes are of explained variance, with 95 % intervals for one
 * random seed, with their standard deviation for several.
 */
export function experimentVerdict(
  parts: ExperimentParts,
  findings: RunFindings,
  retrieval: readonly ReportedRetrieval[],
): string[] {
  const { experiment, plan } = parts;
  const { primary } = plan;
  const swept = Object.values(experiment.sweep).some((values) => values !== undefined);
  const isSwept = swept || Object.keys(experiment.seeds).length > 1;
  const domain = evaluationsOf(parts, primary, findings.domain);
  const general = evaluationsOf(parts, primary, findings.general);
  const byRetrieval = clausesOf(findings, 'retrieval', isSwept, 'choosing the text');
  const byTilt = clausesOf(findings, 'objective', isSwept, 'the tilt');
  return [
    `Specialising (${settingText(primary, isSwept)}) changes the explained variance of held-out domain text by ${changeOverSeeds(domain)} against ${experiment.dictionary}.`,
    byRetrieval.length > 0
      ? `Retrieved against random text of equal tokens: ${listed(byRetrieval)}`
      : 'There is no random arm to compare with, so nothing that was gained is due to retrieval as far as this run can tell.',
    ...(byTilt.length > 0 ? [`TERM against the mean loss on the same text: ${listed(byTilt)}`] : []),
    general.length > 0
      ? `Cost: on general text its explained variance changes by ${changeOverSeeds(general)}.`
      : 'What specialising costs on general text was not measured: the experiment names none.',
    ...bestSentence(parts, findings),
    ...retrievalSentence(retrieval),
  ];
}
