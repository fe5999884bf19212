import { open } from 'node:fs/promises';
import { basename, dirname, isAbsolute, resolve } from 'node:path';
import { escapePath, isDynamicPattern } from 'tinyglobby';
import { messageOf, UsageError } from '../../foundation/errors.ts';
import { Experiment, EXPERIMENT_ENDING } from '../../protocol/experiment.ts';
import { DEAD_LATENTS } from '../../train/latents-file.ts';
import { experimentProblems } from './experiment-problems.ts';

/** What a person writes fits many times; inline seeds included. */
const MAX_BYTES = 8 * 2 ** 20;
const MAX_DEPTH = 32;
const MAX_RUN_NAME = 60;

/** An experiment with its defaults filled in and its paths absolute, so that it means the same wherever it is read again. */
export interface ResolvedExperiment extends Experiment {
  readonly name: string;
}

export interface ExperimentFile {
  /** Absolute. */
  readonly file: string;
  readonly experiment: ResolvedExperiment;
}

async function readBounded(file: string): Promise<string> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : messageOf(error);
    throw new UsageError(`the experiment's file ${file} ${why}; expected a JSON file, NAME${EXPERIMENT_ENDING}`);
  });
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new UsageError(`the experiment's file ${file} is not a file`);
    if (found.size > MAX_BYTES)
      throw new UsageError(
        `the experiment's file ${file} has ${found.size} bytes; at most ${MAX_BYTES} are read: put seeds and texts into files of their own`,
      );
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

function isDeeperThan(value: unknown, depth: number): boolean {
  let level: readonly unknown[] = [value];
  for (let i = 0; i < depth; i++)
    level = level.flatMap((one) => (one !== null && typeof one === 'object' ? (Object.values(one) as unknown[]) : []));
  return level.some((one) => one !== null && typeof one === 'object');
}

function parseJson(file: string, text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new UsageError(`${file} is not valid JSON: ${messageOf(error)}`, { cause: error });
  }
  if (isDeeperThan(value, MAX_DEPTH))
    throw new UsageError(`${file} is nested more than ${MAX_DEPTH} levels deep; no experiment is`);
  return value;
}

/** A relative path belongs to the file's folder; a bare word may be a stored name as well, and stays one. */
function placeOf(reference: string, folder: string): string {
  return /[\\/]/.test(reference) ? resolve(folder, reference) : reference;
}

function sourceOf(source: string, folder: string): string {
  if (source.startsWith('builtin:') || isAbsolute(source)) return source;
  return isDynamicPattern(source) ? `${escapePath(folder)}/${source}` : resolve(folder, source);
}

const latentsPlace = (given: string | null, folder: string): string | null =>
  given === null || given === DEAD_LATENTS ? given : resolve(folder, given);

function resolvePaths(experiment: Experiment, folder: string): Experiment {
  const rest = { ...experiment };
  delete rest.$schema;
  const corpora = Object.entries(rest.corpora).map(([name, corpus]) => [
    name,
    { ...corpus, sources: corpus.sources.map((source) => sourceOf(source, folder)) },
  ]);
  const seeds = Object.entries(rest.seeds).map(([name, set]) => [
    name,
    {
      ...set,
      files: set.files.map((file) => resolve(folder, file)),
      stored: set.stored === null ? null : placeOf(set.stored, folder),
    },
  ]);
  return {
    ...rest,
    dictionary: placeOf(rest.dictionary, folder),
    training: { ...rest.training, trainLatents: latentsPlace(rest.training.trainLatents, folder) },
    corpora: Object.fromEntries(corpora) as Experiment['corpora'],
    seeds: Object.fromEntries(seeds) as Experiment['seeds'],
  };
}

/** The file's name, made a name that can be stored. */
function nameOfFile(file: string): string {
  const bare = basename(file)
    .replace(/\.json$/i, '')
    .replace(/\.ssae$/i, '');
  const name = bare
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, MAX_RUN_NAME);
  return name.replace(/\.+$/, '') || 'experiment';
}

/** @param file where it was read, for messages and relative paths. @throws UsageError saying everything that is wrong */
export function parseExperiment(value: unknown, file: string): ResolvedExperiment {
  const kind = value !== null && typeof value === 'object' && 'kind' in value ? value.kind : undefined;
  if (typeof kind === 'string' && kind !== 'experiment')
    throw new UsageError(`${file} is of the kind ${JSON.stringify(kind.slice(0, 80))}; expected kind "experiment"`);
  const parsed = Experiment.safeParse(value);
  if (!parsed.success) throw new UsageError(`${file} is no experiment:\n  ${experimentProblems(parsed.error, value)}`);
  return { ...resolvePaths(parsed.data, dirname(file)), name: parsed.data.name ?? nameOfFile(file) };
}

/** Reads an experiment's file. @throws UsageError naming every value that is wrong, with the nearest that is right */
export async function readExperiment(path: string): Promise<ExperimentFile> {
  const file = resolve(path);
  return { file, experiment: parseExperiment(parseJson(file, await readBounded(file)), file) };
}
