import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { unknownName, UsageError, WorkError } from '../foundation/errors.ts';
import { writeFileAtomic } from '../foundation/files.ts';
import { sha256 } from '../foundation/hash.ts';
import { givenNames } from '../foundation/stamped-name.ts';
import { readJsonLines, toJsonLines } from './json-lines.ts';
import type { SeedSet, SeedText } from './selection.ts';
import { checkName, storedNames } from './stored-name.ts';

const ENDING = '.jsonl';
/** Seeds are few and short by nature; beyond this a set is a corpus. */
const MAX_SEEDS = 10_000;
const MAX_SEED_LENGTH = 100_000;
const MAX_TOTAL_LENGTH = 4_000_000;

const SeedRecord = z.object({
  text: z.string(),
  from: z
    .object({ file: z.string(), start: z.int().min(0), end: z.int().min(0) })
    .nullable()
    .default(null),
});

/** A seed as it is given, before it has its hash. */
export type GivenSeed = Pick<SeedText, 'text' | 'from'>;

function checkSize(name: string, seeds: readonly GivenSeed[]): void {
  const advice = 'make a corpus of such text and mark passages in it';
  if (seeds.length > MAX_SEEDS) throw new UsageError(`seed set ${name} has more than ${MAX_SEEDS} seeds; ${advice}`);
  const long = seeds.findIndex(({ text }) => text.length > MAX_SEED_LENGTH);
  if (long >= 0)
    throw new UsageError(
      `seed ${long + 1} of seed set ${name} has ${seeds[long]!.text.length} characters; at most ${MAX_SEED_LENGTH} are taken: ${advice}`,
    );
  const total = seeds.reduce((sum, { text }) => sum + text.length, 0);
  if (total > MAX_TOTAL_LENGTH)
    throw new UsageError(`seed set ${name} has ${total} characters; at most ${MAX_TOTAL_LENGTH} are taken: ${advice}`);
}

/** Hashes seeds; a text that comes again is left out. */
function seedSetOf(name: string, given: readonly GivenSeed[]): SeedSet {
  checkSize(name, given);
  const seeds = new Map<string, SeedText>();
  for (const { text, from } of given) {
    const contentHash = sha256(text);
    if (!seeds.has(contentHash)) seeds.set(contentHash, { text, contentHash, from });
  }
  return { name, seeds: [...seeds.values()] };
}

/** Identifies a set's content in manifests, whatever its name. */
export function seedSetHash({ seeds }: SeedSet): string {
  return sha256(seeds.map(({ contentHash }) => contentHash).join('\n'));
}

/** Seed sets as JSON-lines files, one `{"text", "from"}` a line, that a person can read and edit. */
export class SeedStore {
  readonly #folder: string;

  /** @param folder the home's `seeds` */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Adds seeds to a set; one that does not exist is made. Texts that the set has already are not added again.
   * @throws UsageError for an empty text or a name that cannot be stored
   */
  async add(name: string, seeds: readonly GivenSeed[]): Promise<SeedSet> {
    checkName('name', name);
    const empty = seeds.findIndex(({ text }) => text.trim() === '');
    if (empty >= 0) throw new UsageError(`seed ${empty + 1} for seed set ${name} is empty; mark some text for it`);
    const path = this.#pathOf(name);
    const known = existsSync(path) ? (await this.#read(name, path)).seeds : [];
    const set = seedSetOf(name, [...known, ...seeds]);
    await writeFileAtomic(path, toJsonLines(set.seeds.map(({ text, from }) => ({ text, from }))));
    return set;
  }

  names(): Promise<string[]> {
    return storedNames(this.#folder, ENDING);
  }

  /**
   * @param nameOrPath a stored set, else the path of a `.jsonl` file with a "text" a line
   * @throws UsageError when neither exists; WorkError naming the line that cannot be read
   */
  async show(nameOrPath: string): Promise<SeedSet> {
    const names = await this.names();
    if (names.includes(nameOrPath)) return this.#read(nameOrPath, this.#pathOf(nameOrPath));
    if (!existsSync(nameOrPath)) throw unknownName('seeds', nameOrPath, givenNames(names));
    if (!nameOrPath.endsWith(ENDING))
      throw new UsageError(
        `seeds is "${nameOrPath}"; a file of seeds must end in ${ENDING}, with {"text": "…"} a line`,
      );
    const path = resolve(nameOrPath);
    return this.#read(basename(path, ENDING), path);
  }

  /** @throws UsageError when there is no such set */
  async remove(name: string): Promise<void> {
    const names = await this.names();
    if (!names.includes(name)) throw unknownName('seeds', name, givenNames(names));
    await rm(this.#pathOf(name));
  }

  async #read(name: string, path: string): Promise<SeedSet> {
    const seeds: GivenSeed[] = [];
    let length = 0;
    for await (const seed of readJsonLines(path, SeedRecord)) {
      seeds.push(seed);
      length += seed.text.length;
      if (seeds.length > MAX_SEEDS || length > MAX_TOTAL_LENGTH)
        throw new WorkError(
          `${path} holds more than ${MAX_SEEDS} seeds or ${MAX_TOTAL_LENGTH} characters: too much for a seed set`,
        );
    }
    return seedSetOf(name, seeds);
  }

  #pathOf(name: string): string {
    return join(this.#folder, `${name}${ENDING}`);
  }
}
