import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { unknownName, UsageError, WorkError } from '../../foundation/errors.ts';
import { readJson, writeFileAtomic } from '../../foundation/files.ts';
import type { Home } from '../../foundation/home.ts';
import { Experiment } from '../../protocol/experiment.ts';
import type { RunDetail, RunMetrics, RunStep, RunSummary } from '../../protocol/runs.ts';
import { isStoredName, storedNames } from '../../retrieve/stored-name.ts';

const START = 'experiment.json';
const MANIFEST = 'manifest.json';
const TIMING = 'timing.json';
export const REPORT = 'report.html';
export const REPORT_DATA = 'report.json';

const RunInputs = z.array(
  z.object({
    kind: z.enum(['model', 'dictionary', 'corpus', 'source', 'seeds', 'latents']),
    name: z.string(),
    contentHash: z.string(),
  }),
);

/** Written when a run begins; a run that has no manifest yet is unfinished. */
const RunStart = z.object({
  identity: z.string(),
  file: z.string(),
  started: z.string(),
  experiment: Experiment.safeExtend({ name: z.string() }),
  inputs: RunInputs,
  /** Names of all steps, in order. */
  steps: z.array(z.string()),
});
export type RunStart = z.infer<typeof RunStart>;

/** Written when a run is done. Free of times, so that equal work gives equal bytes. */
const RunManifest = z.object({
  kind: z.literal('run'),
  identity: z.string(),
  config: z.unknown(),
  inputs: RunInputs,
  versions: z.object({ ssae: z.string(), format: z.literal(1) }),
  engine: z.string(),
  seed: z.array(z.int()),
  verdict: z.array(z.string()),
  metrics: z.array(z.custom<RunMetrics>((value) => value !== null && typeof value === 'object')),
  /** SHA-256 of every file that the same run gives again, by its path in the folder. */
  files: z.record(z.string(), z.string()),
});
export type RunManifest = z.infer<typeof RunManifest>;

const Timing = z.object({
  steps: z.array(z.object({ name: z.string(), state: z.literal('done'), cached: z.boolean(), seconds: z.number() })),
});

async function parsed<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  const value = schema.safeParse(await readJson(path));
  if (!value.success) throw new WorkError(`${path} is damaged: ${z.prettifyError(value.error).slice(0, 500)}`);
  return value.data;
}

const writeJson = (path: string, value: unknown): Promise<void> =>
  writeFileAtomic(path, `${JSON.stringify(value, null, 1)}\n`);

/** One run's folder. */
export class RunFolder {
  readonly path: string;
  /** What `replay` and `report` take. */
  readonly reference: string;

  constructor(path: string, reference: string) {
    this.path = path;
    this.reference = reference;
  }

  at(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  get isDone(): boolean {
    return existsSync(this.at(MANIFEST));
  }

  start(): Promise<RunStart> {
    return parsed(this.at(START), RunStart);
  }

  async begin(start: RunStart): Promise<void> {
    if (!existsSync(this.at(START))) await writeJson(this.at(START), start);
  }

  async finish(manifest: RunManifest): Promise<void> {
    await writeJson(this.at(MANIFEST), manifest);
  }

  /** @throws WorkError while the run is not done */
  async manifest(): Promise<RunManifest> {
    if (!this.isDone)
      throw new WorkError(`run ${this.reference} is not done; go on with: ssae run ${(await this.start()).file}`);
    return parsed(this.at(MANIFEST), RunManifest);
  }

  /** As far as the last call came. */
  async record(steps: readonly RunStep[]): Promise<void> {
    await writeJson(this.at(TIMING), { steps });
  }

  async steps(): Promise<RunStep[]> {
    const { steps: planned } = await this.start();
    const done = existsSync(this.at(TIMING)) ? (await parsed(this.at(TIMING), Timing)).steps : [];
    return planned.map(
      (name) => done.find((step) => step.name === name) ?? { name, state: 'waiting', cached: false, seconds: 0 },
    );
  }

  async summary(): Promise<RunSummary> {
    const { experiment, file, started } = await this.start();
    const steps = await this.steps();
    return {
      ...{ run: this.reference, experiment: experiment.name, folder: this.path, file, started },
      state: this.isDone ? 'done' : 'unfinished',
      ...{ stepsDone: steps.filter(({ state }) => state === 'done').length, steps: steps.length },
    };
  }

  async detail(): Promise<RunDetail> {
    const { run, experiment, folder, file, started, state } = await this.summary();
    const manifest = this.isDone ? await this.manifest() : null;
    return {
      ...{ run, experiment, folder, file, started, state, steps: await this.steps() },
      report: manifest === null ? null : this.at(REPORT),
      verdict: manifest?.verdict.join('\n') ?? null,
      metrics: manifest?.metrics ?? [],
    };
  }
}

async function identityIn(path: string): Promise<string | null> {
  if (!existsSync(join(path, START))) return null;
  return (await parsed(join(path, START), RunStart)).identity;
}

/**
 * Where a run goes: the folder that was named, else NAME in the home folder, or NAME-2 and so on where NAME is another experiment's or
 * was run on other inputs: what was found stays.
 * @throws UsageError when the named folder holds something else
 */
export async function placeForRun(
  home: Home,
  name: string,
  identity: string,
  output: string | null,
): Promise<RunFolder> {
  if (output === null || isStoredName(output)) {
    for (let i = 1; ; i++) {
      const numbered = i === 1 ? (output ?? name) : `${output ?? name}-${i}`;
      const path = join(home.runs, numbered);
      if (!existsSync(path) || (await identityIn(path)) === identity) return new RunFolder(path, numbered);
    }
  }
  const path = resolve(output);
  const entries = await readdir(path).catch(() => []);
  if (entries.length > 0 && (await identityIn(path)) !== identity)
    throw new UsageError(
      `the output folder ${path} holds ${existsSync(join(path, START)) ? 'a run of another experiment, or on other inputs' : entries.slice(0, 3).join(', ')}; name another folder`,
    );
  return new RunFolder(path, path);
}

export async function runNames(home: Home): Promise<string[]> {
  return (await storedNames(home.runs)).filter((name) => existsSync(join(home.runs, name, START)));
}

/** @param reference a run of the home folder, else the path of one. @throws UsageError naming the nearest */
export async function findRun(home: Home, reference: string): Promise<RunFolder> {
  const names = await runNames(home);
  if (names.includes(reference)) return new RunFolder(join(home.runs, reference), reference);
  const path = resolve(reference);
  if (!existsSync(join(path, START))) throw unknownName('run', reference, names);
  return new RunFolder(path, path);
}

export async function listRuns(home: Home): Promise<RunSummary[]> {
  return Promise.all((await runNames(home)).map((name) => new RunFolder(join(home.runs, name), name).summary()));
}

/** Removes a run of the home folder; folders given by path are never deleted. @throws UsageError when there is none */
export async function removeRun(home: Home, name: string): Promise<void> {
  const names = await runNames(home);
  if (!names.includes(name)) throw unknownName('run', name, names);
  await rm(join(home.runs, name), { recursive: true });
}
