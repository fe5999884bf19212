import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Range } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { UsageError } from '../foundation/errors.ts';
import { AddSeeds, ListSeeds } from '../protocol/messages.ts';
import type { AddSeedsRequest } from '../protocol/requests.ts';
import { SeedStore } from '../retrieve/seed-store.ts';
import { offsetIn } from '../text/regions.ts';
import type { Asker } from './daemon-link.ts';
import type { Reading } from './reading.ts';

type Seed = AddSeedsRequest['seeds'][number];

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

  get #folder(): string | null {
    return this.workspace === null ? null : join(this.workspace, '.ssae', 'seeds');
  }

  async names(): Promise<readonly string[]> {
    if (this.#folder !== null) return new SeedStore(this.#folder).names();
    return (await this.#daemon.request(ListSeeds, {})).map(({ name }) => name);
  }

  /** Adds seeds to a set, which is made where it does not exist. @throws UsageError for an empty seed, or a name that cannot be stored */
  async add(name: string, seeds: readonly Seed[]): Promise<AddedSeeds> {
    const folder = this.#folder;
    const request = { name, seeds: [...seeds] };
    const set =
      folder === null
        ? await this.#daemon.request(AddSeeds, request)
        : await new SeedStore(folder).add(
            name,
            seeds.map(({ text, from }) => ({ text, from: from ?? null })),
          );
    return { name, seeds: set.seeds.length, folder };
  }
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
