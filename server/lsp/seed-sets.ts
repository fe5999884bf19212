import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Range } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { UsageError } from '../foundation/errors.ts';
import { writeFileAtomic } from '../foundation/files.ts';
import { AddSeeds, ListSeeds } from '../protocol/messages.ts';
import type { AddSeedsRequest } from '../protocol/requests.ts';
import { checkName, storedNames } from '../retrieve/stored-name.ts';
import { offsetIn } from '../text/regions.ts';
import { addSeedLines, parseSeedLines, writeSeedLines } from '../text/seed-lines.ts';
import type { Asker } from './daemon-link.ts';
import type { Reading } from './reading.ts';

type Seed = AddSeedsRequest['seeds'][number];

const ENDING = '.jsonl';
/** Of a seed file; a larger one is a corpus. */
const MAX_BYTES = 16 * 2 ** 20;

export interface AddedSeeds {
  readonly name: string;
  /** Seeds the set has now. */
  readonly seeds: number;
  /** The folder it is stored in; null for the home folder. */
  readonly folder: string | null;
}

/** Seed sets: of the workspace where there is one, in `.ssae/seeds` of its first folder, else of the home folder. */
export class SeedSets {
  readonly #daemon: Asker;
  /** Absolute path of the workspace's first folder. */
  workspace: string | null = null;

  constructor(daemon: Asker) {
    this.#daemon = daemon;
  }

  async names(): Promise<readonly string[]> {
    if (this.workspace !== null) return storedNames(folderIn(this.workspace), ENDING);
    return (await this.#daemon.request(ListSeeds, {})).map(({ name }) => name);
  }

  /**
   * Adds a seed to a set, which is made where it does not exist; one that it has already is not added again.
   * @throws UsageError for an empty seed, or a name that cannot be stored
   */
  async add(name: string, seed: Seed): Promise<AddedSeeds> {
    if (this.workspace !== null) return addToWorkspace(this.workspace, name, seed);
    const set = await this.#daemon.request(AddSeeds, { name, seeds: [seed] });
    return { name, seeds: set.seeds.length, folder: null };
  }
}

/** The file that the VS Code extension keeps too: places are relative to the workspace, lines that are no seeds stay. */
async function addToWorkspace(workspace: string, name: string, { text, from }: Seed): Promise<AddedSeeds> {
  checkName('name', name);
  if (text.trim() === '') throw new UsageError(`the seed for seed set ${name} is empty; mark some text for it`);
  const folder = folderIn(workspace);
  const path = join(folder, `${name}${ENDING}`);
  const content = await contentOf(path);
  const place = from === null ? null : { ...from, file: within(workspace, from.file) };
  const { lines, added } = addSeedLines(parseSeedLines(content), [{ text, from: place }]);
  if (added > 0) await writeFileAtomic(path, writeSeedLines(lines));
  return { name, seeds: lines.filter(({ kind }) => kind === 'seed').length, folder };
}

const folderIn = (workspace: string): string => join(workspace, '.ssae', 'seeds');

async function contentOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (found === null) return '';
  if (found.size > MAX_BYTES)
    throw new UsageError(`${path} has ${found.size} bytes; a seed set has at most ${MAX_BYTES}, more is a corpus`);
  return readFile(path, 'utf8');
}

/** With forward slashes on every platform; of a file elsewhere the URI. */
function within(workspace: string, file: string): string {
  const path = relative(workspace, file);
  return path.startsWith('..') || isAbsolute(path) ? pathToFileURL(file).href : path.split(sep).join('/');
}

/** The path of a file's URI; null for any other. */
export function pathOf(uri: string): string | null {
  try {
    return fileURLToPath(uri);
  } catch {
    return null;
  }
}

/**
 * A range of a document as a seed: without the white space around it, and inside a record's text as the model reads it,
 * without quotes and escapes.
 * @throws UsageError when the range holds no text
 */
export function seedOf(reading: Reading, document: TextDocument, { start, end }: Range): Seed {
  const [from, to] = [document.offsetAt(start), document.offsetAt(end)];
  const whole = document.getText().slice(from, to);
  const begin = from + whole.length - whole.trimStart().length;
  const stop = begin + whole.trim().length;
  if (stop <= begin) throw new UsageError('the selection is empty; select some text for the seed set');
  const region = reading
    .segmentsOf(document)
    .find((each) => each.region.start <= begin && stop <= each.region.end)?.region;
  const text =
    region === undefined
      ? document.getText().slice(begin, stop)
      : region.text.slice(offsetIn(region, begin), offsetIn(region, stop));
  const file = pathOf(document.uri);
  return { text, from: file === null ? null : { file, start: begin, end: stop } };
}
