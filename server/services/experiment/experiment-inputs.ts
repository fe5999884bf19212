import { readFile, stat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import type { EngineName } from '../../compute/engine.ts';
import { messageOf, unknownName, UsageError } from '../../foundation/errors.ts';
import { canonicalJson, sha256, sha256OfFile } from '../../foundation/hash.ts';
import { productVersion } from '../../foundation/package-root.ts';
import { throwIfStopped, type JobControl } from '../../foundation/progress.ts';
import { givenNames, stampedName } from '../../foundation/stamped-name.ts';
import { decodeText } from '../../foundation/text.ts';
import { resolveSources } from '../../corpus/sources.ts';
import { BUILTIN_MODEL } from '../../model/model-store.ts';
import { IngestRequest, type TrainedLatents } from '../../protocol/requests.ts';
import type { GivenSeed } from '../../retrieve/seed-store.ts';
import { seedPlaceOf, seedsOfText } from '../../retrieve/seed-text.ts';
import { readLatents } from '../../train/latents-file.ts';
import { residualLike } from '../../train/residual-dictionary.ts';
import { chosenLatents } from '../../train/trained-latents.ts';
import type { Resources } from '../resources.ts';
import type { ResolvedExperiment } from './experiment-file.ts';

const MAX_SEED_FILE_BYTES = 16 * 2 ** 20;

/** Something that a run reads, with what it held. */
export interface RunInput {
  readonly kind: 'model' | 'dictionary' | 'corpus' | 'source' | 'seeds' | 'latents';
  readonly name: string;
  readonly contentHash: string;
}

/** A corpus under the name that the store has it by; one that is made for the experiment has its content's hash in its name. */
export interface CorpusInput {
  readonly stored: string;
  /** How it is made; null for one that is there. */
  readonly ingest: IngestRequest | null;
  /** Whether it is searched, and so needs vectors. */
  readonly searched: boolean;
}

export interface SeedInput {
  readonly stored: string;
  readonly seeds: readonly GivenSeed[];
  readonly contentHash: string;
}

export interface ExperimentInputs {
  readonly model: string;
  readonly modelHash: string;
  readonly hookPoint: string;
  readonly dictionaryHash: string;
  /** Name of the engine that computes. */
  readonly engine: EngineName;
  /** Of mode partial; null without it. */
  readonly latents: TrainedLatents | null;
  /** By the name that the experiment's file has for it. */
  readonly corpora: ReadonlyMap<string, CorpusInput>;
  readonly seeds: ReadonlyMap<string, SeedInput>;
  readonly recorded: readonly RunInput[];
}

async function madeCorpus(
  name: string,
  searched: boolean,
  experiment: ResolvedExperiment,
  resources: Resources,
  control: JobControl,
): Promise<{ corpus: CorpusInput; read: RunInput[] }> {
  const { sources, ...settings } = experiment.corpora[name]!;
  const read: RunInput[] = [];
  for (const source of await resolveSources(sources)) {
    throwIfStopped(control);
    control.report({ stage: 'checking sources', done: read.length, total: null, unit: 'files' });
    const isFile = source.kind === 'file';
    read.push({
      kind: 'source',
      name: isFile ? source.path : source.corpus.source,
      contentHash: isFile ? await sha256OfFile(source.path) : source.corpus.version,
    });
  }
  const tokenizer = (await resources.model(BUILTIN_MODEL)).contentHash;
  const vectors = searched ? (await resources.encoder()).contentHash : null;
  const hash = sha256(canonicalJson({ read, settings, tokenizer, vectors: vectors && sha256(vectors) }));
  const stored = stampedName(name, hash);
  return { corpus: { stored, searched, ingest: IngestRequest.parse({ corpus: stored, sources, ...settings }) }, read };
}

async function corpusInputs(
  experiment: ResolvedExperiment,
  resources: Resources,
  control: JobControl,
): Promise<{ corpora: Map<string, CorpusInput>; read: RunInput[] }> {
  const { corpus: searched, evaluation, training } = experiment;
  const also = [evaluation.general, training.mix].flatMap((one) => (one === null ? [] : [one.corpus]));
  const names = [searched, evaluation.domain.corpus, ...also];
  const corpora = new Map<string, CorpusInput>();
  const read: RunInput[] = [];
  for (const name of new Set(names)) {
    if (Object.hasOwn(experiment.corpora, name)) {
      const made = await madeCorpus(name, name === searched, experiment, resources, control);
      corpora.set(name, made.corpus);
      read.push(...made.read);
    } else {
      const store = await resources.corpora();
      const known = await store.names();
      if (!known.includes(name))
        throw unknownName('corpus', name, [...Object.keys(experiment.corpora), ...givenNames(known)]);
      const { contentHash } = (await store.corpus(name)).summary;
      corpora.set(name, { stored: name, ingest: null, searched: name === searched });
      read.push({ kind: 'corpus', name, contentHash });
    }
  }
  return { corpora, read };
}

async function seedsOfFile(argument: string, by: 'paragraph' | 'line' | 'none'): Promise<GivenSeed[]> {
  const { file, lines } = seedPlaceOf(argument, existsSync);
  const found = await stat(file).catch((error: unknown) => {
    throw new UsageError(`a file of seeds is "${file}", which cannot be read: ${messageOf(error)}`);
  });
  if (!found.isFile() || found.size > MAX_SEED_FILE_BYTES)
    throw new UsageError(`a file of seeds is "${file}"; expected a text file of at most ${MAX_SEED_FILE_BYTES} bytes`);
  return seedsOfText(decodeText(await readFile(file), file), { file, lines, argument: `"${argument}"` }, by);
}

async function seedInput(
  name: string,
  { files, texts, stored, split }: ResolvedExperiment['seeds'][string],
  resources: Resources,
): Promise<SeedInput> {
  const seeds: GivenSeed[] = stored === null ? [] : [...(await resources.seeds.show(stored)).seeds];
  for (const file of files) seeds.push(...(await seedsOfFile(file, split)));
  seeds.push(...texts.map((text) => ({ text, from: null })));
  const contentHash = sha256(canonicalJson(seeds.map(({ text, from }) => ({ text, from }))));
  return { stored: stampedName(name, contentHash), seeds, contentHash };
}

/** The model and the place in it: the dictionary's own, which the experiment may name but not change. */
async function readDictionary(
  { dictionary, model: wantedModel, hookPoint: wantedHook }: ResolvedExperiment,
  resources: Resources,
): Promise<Pick<ExperimentInputs, 'model' | 'modelHash' | 'hookPoint' | 'dictionaryHash'>> {
  const own = await resources.inspectable(dictionary);
  const { hookPoint } = own;
  const model = wantedModel ?? own.model.description.name;
  const { contentHash } = (await resources.model(model)).description;
  if (wantedHook !== null && wantedHook !== hookPoint)
    throw new UsageError(
      `hookPoint is "${wantedHook}", but dictionary ${dictionary} reads ${hookPoint}; expected that`,
    );
  if (contentHash !== own.model.description.contentHash)
    throw new UsageError(
      `model is "${model}" (content ${contentHash.slice(0, 12)}), but dictionary ${dictionary} was trained on ${own.model.description.name} (content ${own.model.description.contentHash.slice(0, 12)}); expected that`,
    );
  return { model, modelHash: contentHash, hookPoint, dictionaryHash: own.dictionary.contentHash };
}

/**
 * The features that mode partial trains.
 * @throws UsageError when the dictionary is none that the modes can begin from
 */
async function readChosen(
  { dictionary, mode, sweep, training: { trainLatents, residualFeatures, l1 } }: ResolvedExperiment,
  resources: Resources,
): Promise<TrainedLatents | null> {
  const from = await resources.dictionaries.load(dictionary);
  if ((sweep.mode ?? [mode]).includes('residual')) residualLike(from, residualFeatures, l1);
  if (trainLatents === null) return null;
  const latents = await readLatents(trainLatents, 'training.trainLatents');
  chosenLatents(latents, from);
  return latents;
}

/** One engine for all of an experiment's dictionaries, which are compared with each other. */
async function chosenEngine(
  { dictionary, training }: ResolvedExperiment,
  recorded: string | null,
  resources: Resources,
  control: JobControl,
): Promise<EngineName> {
  const { shape } = await resources.dictionaries.load(dictionary);
  const step = { shape, batch: training.batch, levels: 1, auxiliary: 0 };
  const checkpointed = recorded === null ? null : { engine: recorded, earlier: [] };
  const { engine, reason } = await resources.engines(training.engine).first(step, checkpointed);
  control.report({ stage: 'checking the engine', done: 0, total: null, unit: 'engines', notice: `engine: ${reason}` });
  return engine.name;
}

function latentsInput(latents: TrainedLatents, { training }: ResolvedExperiment): RunInput {
  return { kind: 'latents', name: training.trainLatents!, contentHash: sha256(canonicalJson(latents)) };
}

/**
 * Everything that a run will read, found and hashed before anything is computed.
 * @param recorded engine of the run that is done again, which is taken where it is there; null for a new run
 * @throws UsageError for what does not exist
 */
export async function resolveInputs(
  experiment: ResolvedExperiment,
  recorded: string | null,
  resources: Resources,
  control: JobControl,
): Promise<ExperimentInputs> {
  const read = await readDictionary(experiment, resources);
  const latents = await readChosen(experiment, resources);
  const seeds = new Map<string, SeedInput>();
  for (const [name, set] of Object.entries(experiment.seeds)) seeds.set(name, await seedInput(name, set, resources));
  const { corpora, read: sources } = await corpusInputs(experiment, resources, control);
  return {
    ...read,
    engine: await chosenEngine(experiment, recorded, resources, control),
    ...{ corpora, seeds, latents },
    recorded: [
      { kind: 'model', name: read.model, contentHash: read.modelHash },
      { kind: 'dictionary', name: experiment.dictionary, contentHash: read.dictionaryHash },
      ...[...seeds].map(([name, { contentHash }]) => ({ kind: 'seeds' as const, name, contentHash })),
      ...(latents === null ? [] : [latentsInput(latents, experiment)]),
      ...sources,
    ],
  };
}

/** The same experiment on the same inputs by the same version and engine is the same run. */
export function identityOf(experiment: ResolvedExperiment, { recorded, engine }: ExperimentInputs): string {
  return sha256(canonicalJson({ version: productVersion, engine, experiment, recorded }));
}
