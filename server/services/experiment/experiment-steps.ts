import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../foundation/files.ts';
import { canonicalJson, sha256 } from '../../foundation/hash.ts';
import { productVersion } from '../../foundation/package-root.ts';
import { throwIfStopped, type JobControl } from '../../foundation/progress.ts';
import type { Evaluation } from '../../evaluate/evaluate.ts';
import { ingest } from '../../corpus/ingest.ts';
import { BUILTIN_MODEL } from '../../model/model-store.ts';
import { EvaluateRequest, FinetuneRequest, RetrieveRequest } from '../../protocol/requests.ts';
import type { RunStep } from '../../protocol/runs.ts';
import { seedSetHash } from '../../retrieve/seed-store.ts';
import type { StoredSelection } from '../../retrieve/selection-store.ts';
import { evaluate } from '../evaluation.ts';
import { stageOf } from '../reporting/stages.ts';
import type { Resources } from '../resources.ts';
import { retrieveSelection } from '../retrieval.ts';
import { finetune } from '../training.ts';
import type { ResolvedExperiment } from './experiment-file.ts';
import type { ExperimentInputs } from './experiment-inputs.ts';
import type { ExperimentPlan, PlannedDictionary, PlannedSelection } from './experiment-plan.ts';
import type { RunFolder } from './run-folder.ts';
import { StepCache, type StepOutcome } from './step-cache.ts';

export type SplitName = 'domain' | 'general';

export interface ExperimentParts {
  readonly experiment: ResolvedExperiment;
  readonly inputs: ExperimentInputs;
  readonly plan: ExperimentPlan;
}

/** A selection with the time that retrieving it took. */
export type TimedSelection = StoredSelection & { readonly seconds: number };

const splitsOf = ({ evaluation }: ResolvedExperiment): SplitName[] =>
  evaluation.general === null ? ['domain'] : ['domain', 'general'];

/** Names of all steps, in the order in which they are done. */
export function stepNames({ experiment, inputs, plan }: ExperimentParts): string[] {
  return [
    ...[...inputs.corpora].filter(([, { ingest: made }]) => made !== null).map(([name]) => `corpus ${name}`),
    ...[...inputs.seeds.keys()].map((name) => `seeds ${name}`),
    ...plan.selections.map(({ id }) => `retrieve ${id}`),
    ...plan.dictionaries.map(({ id }) => `finetune ${id}`),
    ...plan.dictionaries.flatMap(({ id }) => splitsOf(experiment).map((split) => `evaluate ${id} on ${split} text`)),
    ...plan.comparisons.map(({ id }) => `compare ${id}`),
    'report',
  ];
}

/** The steps of one run, each done once; later ones read from disk what earlier ones left. */
export class ExperimentSteps {
  readonly done: RunStep[] = [];
  readonly #parts: ExperimentParts;
  readonly #folder: RunFolder;
  readonly #cache: StepCache;
  readonly #resources: Resources;
  readonly #control: JobControl;
  readonly #total: number;

  /** @param index where runs find each other's results; null to do everything again */
  constructor(
    parts: ExperimentParts,
    folder: RunFolder,
    index: string | null,
    resources: Resources,
    control: JobControl,
  ) {
    this.#parts = parts;
    this.#folder = folder;
    this.#cache = new StepCache(folder.path, index);
    this.#resources = resources;
    this.#control = control;
    this.#total = stepNames(parts).length;
  }

  async #note(step: RunStep): Promise<void> {
    this.done.push(step);
    await this.#folder.record(this.done);
  }

  #begin(name: string): JobControl {
    throwIfStopped(this.#control);
    return stageOf(this.#control, this.done.length + 1, this.#total)(name);
  }

  /** @param depends all that the result depends on, but the product's version */
  async step(
    name: string,
    artifact: string,
    depends: unknown,
    work: (control: JobControl, resume: boolean) => Promise<void>,
  ): Promise<StepOutcome> {
    const control = this.#begin(name);
    const kind = name.split(' ')[0];
    const key = sha256(canonicalJson({ kind, version: productVersion, engine: this.#parts.inputs.engine, depends }));
    const outcome = await this.#cache.perform({ name, artifact, key }, (resume) => work(control, resume));
    await this.#note(outcome.step);
    return outcome;
  }

  /** Corpora that are made for the experiment. The corpus itself knows which of its sources are read. */
  async makeCorpora(): Promise<void> {
    for (const [name, { ingest: request, searched }] of this.#parts.inputs.corpora) {
      if (request === null) continue;
      const started = performance.now();
      const control = this.#begin(`corpus ${name}`);
      const store = await this.#resources.corpora();
      const [tokenizer, encoder] = [await this.#resources.model(BUILTIN_MODEL), await this.#resources.encoder()];
      const { passages } = await ingest(request, { store, tokenizer, embedder: searched ? encoder : null }, control);
      const seconds = (performance.now() - started) / 1000;
      await this.#note({ name: `corpus ${name}`, state: 'done', cached: passages === 0, seconds });
    }
  }

  async makeSeeds(): Promise<void> {
    for (const [name, { stored, seeds }] of this.#parts.inputs.seeds) {
      const started = performance.now();
      this.#begin(`seeds ${name}`);
      const known = (await this.#resources.seeds.names()).includes(stored);
      await this.#resources.seeds.add(stored, seeds);
      const seconds = (performance.now() - started) / 1000;
      await this.#note({ name: `seeds ${name}`, state: 'done', cached: known, seconds });
    }
  }

  async #corpusHash(name: string): Promise<string> {
    const { stored } = this.#parts.inputs.corpora.get(name)!;
    return (await (await this.#resources.corpora()).corpus(stored)).summary.contentHash;
  }

  async retrieve(planned: PlannedSelection): Promise<TimedSelection> {
    const { experiment, inputs } = this.#parts;
    const { id, arm, tokens, randomSeed } = planned;
    const artifact = `selections/${id}`;
    const seeds = inputs.seeds.get(planned.seedSet)!.stored;
    const request = RetrieveRequest.parse({
      ...{ seeds, arm, tokens, seed: randomSeed, dictionary: experiment.dictionary },
      ...{ corpus: inputs.corpora.get(experiment.corpus)!.stored, candidates: experiment.selection.candidates },
    });
    const depends = {
      ...{ request, dictionary: inputs.dictionaryHash, corpus: await this.#corpusHash(experiment.corpus) },
      ...{ seeds: seedSetHash(await this.#resources.seeds.show(seeds)) },
      embedder: sha256((await this.#resources.encoder()).contentHash),
    };
    const output = this.#folder.at(artifact);
    const { workSeconds } = await this.step(`retrieve ${id}`, artifact, depends, async (control) => {
      await retrieveSelection({ ...request, output }, this.#resources, control);
    });
    return { ...(await this.#resources.selections.load(output)), seconds: workSeconds };
  }

  /** @returns the dictionary's content hash */
  async finetune({ id, setting, randomSeed }: PlannedDictionary, selection: StoredSelection): Promise<string> {
    const { experiment, inputs } = this.#parts;
    const { batch, optimizer, heldOutShare } = experiment.training;
    const { objective, mode, trainingTokens: tokens, learningRate, l1, mixShare: share } = setting;
    const artifact = `dictionaries/${id}`;
    const output = this.#folder.at(artifact);
    const settings = {
      ...{ objective, mode, tokens, l1, batch, heldOutShare, seed: randomSeed },
      optimizer: { ...optimizer, learningRate },
      ...(mode === 'residual' ? { residualFeatures: experiment.training.residualFeatures } : {}),
      ...(mode === 'partial' ? { latents: inputs.latents } : {}),
    };
    const { model, hookPoint, engine } = inputs;
    const mixed = share === 0 ? null : experiment.training.mix!.corpus;
    const depends = {
      ...(mixed === null ? {} : { mix: { share, corpus: await this.#corpusHash(mixed) } }),
      ...{ settings, hookPoint, from: inputs.dictionaryHash, model: inputs.modelHash },
      selection: selection.contentHash,
    };
    await this.step(`finetune ${id}`, artifact, depends, async (control, resume) => {
      const data = { kind: 'selection' as const, model, hookPoint, selection: selection.path };
      const corpus = mixed === null ? null : inputs.corpora.get(mixed)!.stored;
      const mix = corpus === null ? null : { share, data: { kind: 'corpus' as const, model, hookPoint, corpus } };
      const request = { ...settings, from: experiment.dictionary, engine, output, data, mix, resume };
      await finetune(FinetuneRequest.parse(request), this.#resources, control);
    });
    return (await this.#resources.dictionaries.load(output)).contentHash;
  }

  /** Measures a dictionary of the run on held-out text that overlaps no seed and no selection of the run. */
  async evaluate(
    { name, id, split }: { readonly name: string; readonly id: string; readonly split: SplitName },
    of: { readonly reference: string; readonly hash: string },
    against: { readonly reference: string; readonly hash: string },
    selections: readonly StoredSelection[],
  ): Promise<Evaluation> {
    const { experiment, inputs } = this.#parts;
    const { corpus, where, tokens } = experiment.evaluation[split] ?? experiment.evaluation.domain;
    const seeds = [...inputs.seeds.values()];
    const measured = { where, tokens, seed: experiment.evaluation.seed };
    const depends = {
      ...{ id, measured, dictionary: of.hash, baseline: against.hash, model: inputs.modelHash },
      ...{ corpus: await this.#corpusHash(corpus), seeds: seeds.map(({ contentHash }) => contentHash) },
      ...{ selections: selections.map(({ contentHash }) => contentHash), baselineName: nameIn(against.reference) },
    };
    const artifact = `evaluations/${id}.json`;
    const path = this.#folder.at(artifact);
    await this.step(name, artifact, depends, async (control) => {
      const exclude = { selections: selections.map((one) => one.path), seeds: seeds.map(({ stored }) => stored) };
      const request = EvaluateRequest.parse({
        ...{ dictionary: of.reference, baseline: against.reference, corpus: inputs.corpora.get(corpus)!.stored },
        ...{ ...measured, exclude },
      });
      const evaluation = await evaluate(request, this.#resources, control);
      await writeFileAtomic(path, `${JSON.stringify(evaluation)}\n`);
    });
    return JSON.parse(await readFile(path, 'utf8')) as Evaluation;
  }
}

/** What an evaluation calls a dictionary: its name, or its folder's. */
const nameIn = (reference: string): string => reference.split(/[\\/]/).at(-1)!;
