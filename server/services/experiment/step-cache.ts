import { constants } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../foundation/files.ts';
import { sha256OfFile } from '../../foundation/hash.ts';
import type { RunStep } from '../../protocol/runs.ts';

/** What depends on the clock; everything else is the same bytes for the same inputs. */
const OF_THE_CLOCK = 'timing.json';

const StepRecord = z.object({
  key: z.string(),
  /** Null while the step is being done. */
  files: z.record(z.string(), z.string()).nullable(),
  seconds: z.number(),
});
type StepRecord = z.infer<typeof StepRecord>;

const IndexEntry = z.object({ artifact: z.string(), files: z.record(z.string(), z.string()), seconds: z.number() });

/** SHA-256 of the files of a folder, or of one file (''), by their path with `/`. */
export async function hashesOf(path: string): Promise<Record<string, string>> {
  const found = await stat(path).catch(() => null);
  if (found === null) return {};
  if (found.isFile()) return { '': await sha256OfFile(path) };
  const names = (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== OF_THE_CLOCK)
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
  const hashes = await Promise.all(names.map((name) => sha256OfFile(join(path, name))));
  return Object.fromEntries(names.map((name, i) => [name.replaceAll('\\', '/'), hashes[i]!]));
}

async function read<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

const isSame = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean =>
  Object.keys(b).length > 0 &&
  Object.keys(a).length === Object.keys(b).length &&
  Object.entries(b).every(([name, hash]) => a[name] === hash);

export interface Step {
  /** "finetune bm25_erm_s0" */
  readonly name: string;
  /** File or folder below the run's folder; its path also names the step's record. */
  readonly artifact: string;
  /** SHA-256 over all that the result depends on. */
  readonly key: string;
}

export interface StepOutcome {
  readonly step: RunStep;
  /** What the work took when it was done. */
  readonly workSeconds: number;
}

/**
 * Steps of a run that are done once: a step whose key equals that of a finished one, in this run or (by the home's index) in another,
 * takes its files, if they are still what was recorded.
 */
export class StepCache {
  readonly #folder: string;
  readonly #index: string | null;

  /** @param index folder that all runs share; null to take nothing from other runs */
  constructor(folder: string, index: string | null) {
    this.#folder = folder;
    this.#index = index;
  }

  /** @param work makes the artifact; told whether an interrupted attempt at the same step left something to go on from */
  async perform(step: Step, work: (resume: boolean) => Promise<void>): Promise<StepOutcome> {
    const started = performance.now();
    const artifact = join(this.#folder, step.artifact);
    const known = await read(this.#recordPath(step), StepRecord);
    const done = (cached: boolean, workSeconds: number): StepOutcome => {
      const seconds = (performance.now() - started) / 1000;
      return { step: { name: step.name, state: 'done', cached, seconds }, workSeconds };
    };
    const isOwn = known !== null && known.key === step.key && known.files !== null;
    if (isOwn && isSame(await hashesOf(artifact), known.files!)) return done(true, known.seconds);
    const elsewhere = await this.#take(step, artifact);
    if (elsewhere !== null) return done(true, elsewhere);
    if (known?.key !== step.key) await rm(artifact, { recursive: true, force: true });
    await this.#record(step, { key: step.key, files: null, seconds: 0 });
    await work(known?.key === step.key && known.files === null);
    const seconds = (performance.now() - started) / 1000;
    const files = await hashesOf(artifact);
    await this.#record(step, { key: step.key, files, seconds });
    if (this.#index !== null)
      await writeFileAtomic(join(this.#index, `${step.key}.json`), JSON.stringify({ artifact, files, seconds }));
    return done(false, seconds);
  }

  /** Whether a step was finished, for lists; its files are not looked at. */
  async isDone(step: Pick<Step, 'artifact'>): Promise<boolean> {
    return ((await read(this.#recordPath(step), StepRecord))?.files ?? null) !== null;
  }

  /** Copies what another run made. @returns how long it took there; null where there is nothing to take */
  async #take(step: Step, artifact: string): Promise<number | null> {
    const entry = this.#index === null ? null : await read(join(this.#index, `${step.key}.json`), IndexEntry);
    if (entry === null || entry.artifact === artifact) return null;
    if (!isSame(await hashesOf(entry.artifact), entry.files)) return null;
    await rm(artifact, { recursive: true, force: true });
    await mkdir(dirname(artifact), { recursive: true });
    await cp(entry.artifact, artifact, { recursive: true, mode: constants.COPYFILE_FICLONE });
    if (!isSame(await hashesOf(artifact), entry.files)) return null;
    await this.#record(step, { key: step.key, files: entry.files, seconds: entry.seconds });
    return entry.seconds;
  }

  #recordPath({ artifact }: Pick<Step, 'artifact'>): string {
    return join(this.#folder, 'steps', `${artifact.replaceAll('/', '.')}.json`);
  }

  async #record(step: Step, record: StepRecord): Promise<void> {
    await writeFileAtomic(this.#recordPath(step), `${JSON.stringify(record)}\n`);
  }
}
