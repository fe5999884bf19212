import { UsageError } from '../../foundation/errors.ts';
import type { ExperimentObjective } from '../../protocol/experiment.ts';
import type { FinetuneRequest, Objective, Tilt } from '../../protocol/requests.ts';
import type { Arm } from '../../retrieve/selection.ts';
import type { ResolvedExperiment } from './experiment-file.ts';

/** Dictionaries of one experiment; more is a mistake in the sweep. */
const MAX_DICTIONARIES = 1000;
const MAX_ID = 100;

export interface PlannedSelection {
  /** A file's name, unique in the run. */
  readonly id: string;
  readonly arm: Arm;
  readonly seedSet: string;
  readonly tokens: number;
  readonly randomSeed: number;
}

/** What a dictionary is trained with, whatever the random seed. */
export interface PlannedSetting {
  /** A file's name, unique among settings. */
  readonly id: string;
  readonly arm: Arm;
  readonly seedSet: string;
  readonly objective: Objective;
  readonly mode: FinetuneRequest['mode'];
  readonly selectionTokens: number;
  readonly trainingTokens: number | null;
  readonly learningRate: number | null;
  readonly l1: number | null;
  /** Share of every batch that is general text. */
  readonly mixShare: number;
}

export interface PlannedDictionary {
  readonly id: string;
  readonly setting: PlannedSetting;
  readonly selection: PlannedSelection;
  readonly randomSeed: number;
}

/** Two dictionaries that differ in one thing: where the text is from, or the objective. */
export interface PlannedComparison {
  readonly id: string;
  readonly question: 'retrieval' | 'objective';
  readonly of: PlannedDictionary;
  readonly against: PlannedDictionary;
}

export interface ExperimentPlan {
  readonly selections: readonly PlannedSelection[];
  readonly settings: readonly PlannedSetting[];
  readonly dictionaries: readonly PlannedDictionary[];
  readonly comparisons: readonly PlannedComparison[];
  /** The setting that the verdict is about, chosen by the order in the file. */
  readonly primary: PlannedSetting;
}

function tiltOf({ tau, tilt, ess }: Extract<ExperimentObjective, { kind: 'term' }>): Tilt {
  if (tau !== undefined) return { kind: 'relative', tau };
  return ess === undefined ? { kind: 'raw', t: tilt ?? 0 } : { kind: 'sample_size', share: ess };
}

function objectiveOf(given: ExperimentObjective): Objective {
  if (given.kind === 'erm') return given;
  const { tilts, warmupSteps, innerTau } = given;
  return {
    ...{ kind: 'term', tilt: tiltOf(given), tilts },
    ...(warmupSteps === undefined ? {} : { warmupSteps }),
    ...(innerTau === undefined ? {} : { passages: { inner: { kind: 'relative', tau: innerTau } } }),
  };
}

const numberText = (value: number): string => String(value).replace('+', '');

function tiltId(tilt: Tilt): string {
  switch (tilt.kind) {
    case 'raw':
      return `t${numberText(tilt.t)}`;
    case 'relative':
      return `tau${numberText(tilt.tau)}`;
    case 'sample_size':
      return `ess${numberText(tilt.share)}`;
  }
}

/** `term-tau0.5` */
function objectiveId(objective: Objective): string {
  if (objective.kind === 'erm') return 'erm';
  const { tilt, tilts, warmupSteps = 0, passages } = objective;
  return [
    `term-${tiltId(tilt)}`,
    ...(passages === undefined ? [] : [`passages-${tiltId(passages.inner)}`]),
    ...(tilts === 'loss' ? [] : ['reconstruction']),
    ...(warmupSteps === 0 ? [] : [`warm${warmupSteps}`]),
  ].join('-');
}

/** What varies is in the name; what is the same for all is not. */
function nameOf(parts: readonly (string | null)[]): string {
  return parts.filter((part) => part !== null).join('_');
}

interface Axes {
  readonly seedSets: readonly string[];
  readonly selectionTokens: readonly number[];
  readonly trainingTokens: readonly (number | null)[];
  readonly learningRate: readonly (number | null)[];
  readonly l1: readonly (number | null)[];
  readonly mode: readonly FinetuneRequest['mode'][];
  readonly mixShare: readonly number[];
}

function axesOf({ seeds, selection, training, mode, sweep }: ResolvedExperiment): Axes {
  return {
    seedSets: Object.keys(seeds),
    selectionTokens: sweep.selectionTokens ?? [selection.tokens],
    trainingTokens: sweep.trainingTokens ?? [training.tokens],
    learningRate: sweep.learningRate ?? [training.optimizer.learningRate],
    l1: sweep.l1 ?? [training.l1],
    mode: sweep.mode ?? [mode],
    mixShare: sweep.mixShare ?? [training.mix?.share ?? 0],
  };
}

const varying = <T>(values: readonly T[], text: (value: T) => string, value: T): string | null =>
  values.length > 1 ? text(value) : null;

/** Every combination of the swept values for one arm and objective. */
function* settingsOf(axes: Axes, arm: Arm, objective: Objective): Generator<PlannedSetting> {
  for (const seedSet of axes.seedSets)
    for (const selectionTokens of axes.selectionTokens)
      for (const mode of axes.mode)
        for (const trainingTokens of axes.trainingTokens)
          for (const learningRate of axes.learningRate)
            for (const l1 of axes.l1)
              for (const mixShare of axes.mixShare) {
                const values = {
                  arm,
                  seedSet,
                  objective,
                  mode,
                  selectionTokens,
                  trainingTokens,
                  learningRate,
                  l1,
                  mixShare,
                };
                yield { id: settingId(axes, values), ...values };
              }
}

function settingId(axes: Axes, setting: Omit<PlannedSetting, 'id'>): string {
  return nameOf([
    varying(axes.seedSets, String, setting.seedSet),
    setting.arm.replace('+', '-'),
    varying(axes.selectionTokens, (tokens) => `${tokens}found`, setting.selectionTokens),
    objectiveId(setting.objective),
    varying(axes.mode, String, setting.mode),
    varying(axes.trainingTokens, (tokens) => `${String(tokens)}tokens`, setting.trainingTokens),
    varying(axes.learningRate, (rate) => `lr${numberText(rate ?? 0)}`, setting.learningRate),
    varying(axes.l1, (weight) => `l1-${numberText(weight ?? 0)}`, setting.l1),
    varying(axes.mixShare, (share) => `mix${numberText(share)}`, setting.mixShare),
  ]);
}

/** Arms and objectives as the file has them, and the controls after them. */
function pairsOf({ arms, objectives, controls }: ResolvedExperiment): (readonly [Arm, Objective])[] {
  const given = objectives.map(objectiveOf);
  const hasMean = given.some(({ kind }) => kind === 'erm');
  const all: Objective[] = controls && !hasMean ? [{ kind: 'erm' }, ...given] : given;
  const pairs = arms.flatMap((arm) => all.map((objective) => [arm, objective] as const));
  if (!controls || arms.includes('random')) return pairs;
  return [...pairs, ['random', all.find(({ kind }) => kind === 'erm') ?? all[0]!]];
}

function selectionOf(axes: Axes, setting: PlannedSetting, randomSeed: number, firstSeed: number): PlannedSelection {
  const { arm, seedSet, selectionTokens: tokens } = setting;
  const isRandom = arm === 'random';
  const id = nameOf([
    varying(axes.seedSets, String, seedSet),
    arm.replace('+', '-'),
    varying(axes.selectionTokens, (budget) => `${budget}found`, tokens),
    isRandom ? `s${randomSeed}` : null,
  ]);
  // Other arms do not draw: one selection serves every random seed.
  return { id, arm, seedSet, tokens, randomSeed: isRandom ? randomSeed : firstSeed };
}

const sameBut = (changed: keyof PlannedSetting, a: PlannedSetting, b: PlannedSetting): boolean =>
  JSON.stringify({ ...a, id: null, [changed]: null }) === JSON.stringify({ ...b, id: null, [changed]: null });

function comparisonsOf(dictionaries: readonly PlannedDictionary[]): PlannedComparison[] {
  const comparisons: PlannedComparison[] = [];
  for (const of of dictionaries) {
    const peers = dictionaries.filter(({ randomSeed }) => randomSeed === of.randomSeed);
    const random = peers.find(({ setting }) => setting.arm === 'random' && sameBut('arm', setting, of.setting));
    if (random !== undefined && of.setting.arm !== 'random')
      comparisons.push({ id: `${of.id}_against_random`, question: 'retrieval', of, against: random });
    const mean = peers.find(
      ({ setting }) => setting.objective.kind === 'erm' && sameBut('objective', setting, of.setting),
    );
    if (mean !== undefined && of.setting.objective.kind === 'term')
      comparisons.push({ id: `${of.id}_against_erm`, question: 'objective', of, against: mean });
  }
  return comparisons;
}

/**
 * Everything an experiment comes to, one dictionary an arm, objective, swept value and random seed.
 * @throws UsageError where that is too much
 */
export function planExperiment(experiment: ResolvedExperiment): ExperimentPlan {
  const axes = axesOf(experiment);
  const { randomSeeds } = experiment;
  const pairs = pairsOf(experiment);
  const combinations = [...settingsOf(axes, 'bm25', { kind: 'erm' })].length;
  const count = combinations * pairs.length * randomSeeds.length;
  if (count > MAX_DICTIONARIES)
    throw new UsageError(
      `the experiment comes to ${count} dictionaries; at most ${MAX_DICTIONARIES} are trained in one: shorten "sweep", "randomSeeds" or "objectives"`,
    );
  const settings = pairs.flatMap(([arm, objective]) => [...settingsOf(axes, arm, objective)]);
  const selections = new Map<string, PlannedSelection>();
  const dictionaries = settings.flatMap((setting) =>
    randomSeeds.map((randomSeed) => {
      const selection = selectionOf(axes, setting, randomSeed, randomSeeds[0]!);
      selections.set(selection.id, selection);
      return { id: `${setting.id}_s${randomSeed}`, setting, selection, randomSeed };
    }),
  );
  const long = dictionaries.find(({ id }) => id.length > MAX_ID);
  if (long !== undefined)
    throw new UsageError(`the dictionary ${long.id} would have a name of over ${MAX_ID} characters; shorten "seeds"`);
  const primary =
    settings.find(({ arm, objective }) => arm !== 'random' && objective.kind === 'erm') ??
    settings.find(({ arm }) => arm !== 'random') ??
    settings[0]!;
  const comparisons = comparisonsOf(dictionaries);
  return { selections: [...selections.values()], settings, dictionaries, comparisons, primary };
}
