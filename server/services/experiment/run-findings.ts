import type { Evaluation } from '../../evaluate/evaluate.ts';
import type { RunMetrics } from '../../protocol/runs.ts';
import { objectiveText } from '../../protocol/objective-text.ts';
import type { ExperimentParts, ExperimentSteps, SplitName, TimedSelection } from './experiment-steps.ts';
import type { PlannedComparison, PlannedDictionary } from './experiment-plan.ts';
import type { RunFolder } from './run-folder.ts';

/** What was measured, before it is told. */
export interface RunFindings {
  /** By the plan's id. */
  readonly selections: ReadonlyMap<string, TimedSelection>;
  /** Each dictionary against the one before, by the plan's id. */
  readonly domain: ReadonlyMap<string, Evaluation>;
  /** Empty where the experiment names no general text. */
  readonly general: ReadonlyMap<string, Evaluation>;
  /** On domain text. */
  readonly comparisons: readonly { readonly planned: PlannedComparison; readonly evaluation: Evaluation }[];
}

/** Does what is not done yet: corpora, seeds, selections, dictionaries, evaluations, one after the other. */
export async function findOut(parts: ExperimentParts, steps: ExperimentSteps, folder: RunFolder): Promise<RunFindings> {
  const { experiment, inputs, plan } = parts;
  await steps.makeCorpora();
  await steps.makeSeeds();
  const selections = new Map<string, TimedSelection>();
  for (const selection of plan.selections) selections.set(selection.id, await steps.retrieve(selection));
  const hashes = new Map<string, string>();
  for (const dictionary of plan.dictionaries)
    hashes.set(dictionary.id, await steps.finetune(dictionary, selections.get(dictionary.selection.id)!));
  const trained = ({ id }: PlannedDictionary) => ({
    reference: folder.at('dictionaries', id),
    hash: hashes.get(id)!,
  });
  const before = { reference: experiment.dictionary, hash: inputs.dictionaryHash };
  const all = [...selections.values()];
  const measured = { domain: new Map<string, Evaluation>(), general: new Map<string, Evaluation>() };
  for (const dictionary of plan.dictionaries)
    for (const split of ['domain', 'general'] as const) {
      if (experiment.evaluation[split] === null) continue;
      const { id } = dictionary;
      const what = { name: `evaluate ${id} on ${split} text`, id: `${id}.${split}`, split };
      measured[split].set(id, await steps.evaluate(what, trained(dictionary), before, all));
    }
  const comparisons = [];
  for (const planned of plan.comparisons) {
    const what = { name: `compare ${planned.id}`, id: planned.id, split: 'domain' as const };
    const evaluation = await steps.evaluate(what, trained(planned.of), trained(planned.against), all);
    comparisons.push({ planned, evaluation });
  }
  return { selections, ...measured, comparisons };
}

/** The metrics of every dictionary, for the manifest and for plots. */
export function metricsOf({ plan }: ExperimentParts, findings: RunFindings): RunMetrics[] {
  const rowOf = ({ id, setting, randomSeed }: PlannedDictionary, split: SplitName): RunMetrics[] => {
    const evaluation = findings[split].get(id);
    if (evaluation === undefined) return [];
    const { baseline, n, splitHash, metrics } = evaluation;
    return [
      {
        ...{ dictionary: id, baseline: baseline ?? '', split, arm: setting.arm, seeds: setting.seedSet },
        ...{ objective: objectiveText(setting.objective), mode: setting.mode, randomSeed },
        ...{ tokens: n.tokens, splitHash, metrics },
      },
    ];
  };
  return plan.dictionaries.flatMap((one) => [...rowOf(one, 'domain'), ...rowOf(one, 'general')]);
}
