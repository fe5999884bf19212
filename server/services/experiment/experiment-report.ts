import { productVersion } from '../../foundation/package-root.ts';
import type { JobControl } from '../../foundation/progress.ts';
import type { ReportData, ReportedDictionary, ReportedPassage, ReportedTraining } from '../../protocol/report.ts';
import { objectiveText } from '../../protocol/objective-text.ts';
import type { TrainedLatents } from '../../protocol/requests.ts';
import { generalTexts, paintPassage, passageToPaint } from '../reporting/painted-passage.ts';
import { reportedCoverage, reportedSplit } from '../reporting/reported-evaluation.ts';
import { countLabels, reportedHits, reportedRetrieval } from '../reporting/reported-retrieval.ts';
import { reportedTraining } from '../reporting/reported-training.ts';
import { percent } from '../reporting/verdict-words.ts';
import type { Resources } from '../resources.ts';
import type { ExperimentParts } from './experiment-steps.ts';
import type { PlannedDictionary, PlannedSetting } from './experiment-plan.ts';
import { changeOverSeeds, experimentVerdict } from './experiment-verdict.ts';
import type { RunFindings } from './run-findings.ts';
import type { RunFolder } from './run-folder.ts';

/** Dictionaries that are shown as curves and painted; all are in the tables. */
const CURVES_SHOWN = 8;

/** One of each setting, of the first random seed; the others are in its spread. */
function shownOf({ plan }: ExperimentParts): PlannedDictionary[] {
  return plan.settings.map((setting) => plan.dictionaries.find((one) => one.setting === setting)!);
}

function describe(parts: ExperimentParts, findings: RunFindings, shown: PlannedDictionary): string {
  const { plan } = parts;
  const { arm, objective, seedSet } = shown.setting;
  const text =
    arm === 'random'
      ? 'random passages of equal tokens: the control for retrieval'
      : `what ${arm} retrieved for ${seedSet}`;
  const same = plan.dictionaries.filter(({ setting }) => setting === shown.setting);
  const spread = (['domain', 'general'] as const).flatMap((split) => {
    const evaluations = same.flatMap(({ id }) => findings[split].get(id) ?? []);
    return evaluations.length < 2 ? [] : [`${split} text ${changeOverSeeds(evaluations)}`];
  });
  const seeds =
    spread.length === 0 ? '' : ` Explained variance changes: ${spread.join('; ')}; shown is seed ${shown.randomSeed}.`;
  return `${methodText(parts, shown.setting)} on ${text}; ${objectiveText(objective)}.${seeds}`;
}

function methodText({ experiment, inputs }: ExperimentParts, { mode, mixShare }: PlannedSetting): string {
  const { dictionary, training } = experiment;
  const mixed = mixShare === 0 ? '' : `, with ${percent(mixShare)} of every batch from ${training.mix!.corpus},`;
  switch (mode) {
    case 'finetune':
      return `${dictionary} finetuned${mixed}`;
    case 'scratch':
      return `scratch, in the shape of ${dictionary}${mixed}`;
    case 'residual':
      return `residual: ${String(training.residualFeatures)} features added to ${dictionary}, which stays as it is, trained${mixed}`;
    case 'partial':
      return `partial: ${latentsText(inputs.latents)} of ${dictionary}, the others as they are, trained${mixed}`;
  }
}

const latentsText = (latents: TrainedLatents | null): string =>
  latents?.kind === 'chosen' ? `${latents.features.length} chosen features` : 'the dead features';

function reportedDictionaries(parts: ExperimentParts, findings: RunFindings): ReportedDictionary[] {
  return shownOf(parts).map((shown) => ({
    name: shown.id,
    description: describe(parts, findings, shown),
    splits: (['domain', 'general'] as const).flatMap((split) => {
      const evaluation = findings[split].get(shown.id);
      return evaluation === undefined ? [] : [reportedSplit(split, evaluation)];
    }),
  }));
}

async function reportedSelections(
  { experiment, inputs, plan }: ExperimentParts,
  { selections }: RunFindings,
  resources: Resources,
): Promise<Pick<ReportData, 'retrieval' | 'hits'>> {
  const corpus = await (await resources.corpora()).corpus(inputs.corpora.get(experiment.corpus)!.stored);
  const truth = experiment.labels === null ? null : await countLabels(corpus, experiment.labels);
  const found = plan.selections.filter(({ arm }) => arm !== 'seeds');
  return {
    // Seeds are not drawn from the corpus and have no label.
    retrieval: found.map(({ id }) => reportedRetrieval(id, selections.get(id)!, truth)),
    hits: found.filter(({ arm }) => arm !== 'random').flatMap(({ id }) => reportedHits(id, selections.get(id)!, truth)),
  };
}

async function painted(
  { experiment, inputs, plan }: ExperimentParts,
  folder: RunFolder,
  resources: Resources,
  control: JobControl,
): Promise<ReportedPassage | null> {
  const { domain, general } = experiment.evaluation;
  if (general === null) return null;
  const store = await resources.corpora();
  const read = (name: string) => store.corpus(inputs.corpora.get(name)!.stored);
  const texts: string[] = [];
  for await (const { text } of (await read(domain.corpus)).passages({ where: domain.where })) texts.push(text);
  const text = passageToPaint(texts);
  if (text === null) return null;
  const { seedSet } = plan.primary;
  const shown = plan.settings.filter((setting) => setting.seedSet === seedSet).slice(0, CURVES_SHOWN);
  const trained = shown.map((setting) => plan.dictionaries.find((one) => one.setting === setting)!.id);
  const dictionaries = [
    { name: experiment.dictionary, reference: experiment.dictionary },
    ...trained.map((id) => ({ name: id, reference: folder.at('dictionaries', id) })),
  ];
  const seeds = inputs.seeds.get(seedSet)!.seeds.map((seed) => seed.text);
  const painting = { dictionaries, text, seeds, general: await generalTexts(await read(general.corpus)) };
  return paintPassage(painting, resources, control);
}

function provenance({ experiment, inputs, plan }: ExperimentParts, file: string): ReportData['provenance'] {
  return [
    { key: 'command', value: `ssae run ${file}` },
    {
      key: 'version',
      value: `ssae-studio ${productVersion}, Node ${process.version}, ${process.platform}-${process.arch}`,
    },
    { key: 'engine', value: inputs.engine },
    { key: 'hook point', value: inputs.hookPoint },
    { key: 'random seeds', value: experiment.randomSeeds.join(', ') },
    { key: 'dictionaries', value: String(plan.dictionaries.length) },
    ...inputs.recorded.map(({ kind, name, contentHash }) => ({
      key: kind,
      value: `${name}, content ${contentHash.slice(0, 16)}`,
    })),
  ];
}

function notesOf({ experiment, inputs }: ExperimentParts, { selections }: RunFindings): string[] {
  const { randomSeeds } = experiment;
  // By the name that the file gives a corpus, not the one that it is stored under.
  const asGiven = (note: string): string =>
    [...inputs.corpora].reduce((text, [name, { stored }]) => text.replaceAll(stored, name), note);
  const short = [...selections].flatMap(([id, { note }]) => (note === null ? [] : [`${id}: ${asGiven(note)}`]));
  return [
    randomSeeds.length === 1
      ? 'One random seed: intervals are over held-out text, not over seeds.'
      : `${randomSeeds.length} random seeds: ± is the standard deviation between them; intervals in the tables are over held-out text, of the seed that is shown.`,
    ...(experiment.dictionary === 'builtin-gsae' && [...inputs.corpora.values()].some(readsBuiltin)
      ? [
          'builtin-gsae was trained on a random 44 % of the tokens of the built-in corpora, so it has read part of the text it is measured on here.',
        ]
      : []),
    ...short,
  ];
}

const readsBuiltin = ({ ingest }: { readonly ingest: { readonly sources: readonly string[] } | null }): boolean =>
  ingest?.sources.some((source) => source.startsWith('builtin:')) === true;

/** What the report of a run shows. */
export async function experimentReport(
  parts: ExperimentParts,
  findings: RunFindings,
  { file, folder }: { readonly file: string; readonly folder: RunFolder },
  resources: Resources,
  control: JobControl,
): Promise<ReportData> {
  const { experiment, inputs } = parts;
  const shown = shownOf(parts);
  const curves = shown.slice(0, CURVES_SHOWN);
  const { retrieval, hits } = await reportedSelections(parts, findings, resources);
  const training: ReportedTraining[] = [];
  for (const { id } of curves) training.push(await reportedTraining(id, folder.at('dictionaries', id)));
  return {
    title: experiment.title ?? experiment.name,
    verdict: experimentVerdict(parts, findings, retrieval),
    notes: notesOf(parts, findings),
    provenance: provenance(parts, file),
    ...{ retrieval, hits, training, dictionaries: reportedDictionaries(parts, findings) },
    coverage: reportedCoverage(
      experiment.dictionary,
      curves.map(({ id }) => [id, findings.domain.get(id)!]),
    ),
    painted: await painted(parts, folder, resources, control),
    seeds: [...inputs.seeds.values()].flatMap(({ seeds }) => seeds.map(({ text }) => text)),
  };
}
