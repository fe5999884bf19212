import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type * as lancedb from '@lancedb/lancedb';
import type { TextEmbedder } from '../foundation/encoding.ts';
import { messageOf, UsageError, unknownName, WorkError } from '../foundation/errors.ts';
import { Claim } from '../foundation/claim.ts';
import type { Home } from '../foundation/home.ts';
import { givenNames } from '../foundation/stamped-name.ts';
import { readManifest } from './corpus-manifest.ts';
import { CorpusWriter } from './corpus-writer.ts';
import { reserveLanceThreads } from './lance-threads.ts';
import { Corpus, tableFigures, type CorpusDescription } from './corpus.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** All corpora of a home folder: one LanceDB database, one table a corpus, and a manifest beside each table. */
export class CorpusStore implements AsyncDisposable {
  readonly folder: string;
  readonly #lance: typeof lancedb;
  readonly #connection: lancedb.Connection;

  private constructor(folder: string, lance: typeof lancedb, connection: lancedb.Connection) {
    this.folder = folder;
    this.#lance = lance;
    this.#connection = connection;
  }

  /** Opens the home folder's database, or makes an empty one. LanceDB's library is loaded here, not when this file is. */
  static async open(home: Home): Promise<CorpusStore> {
    reserveLanceThreads();
    const lance = await import('@lancedb/lancedb');
    const folder = resolve(home.corpora); // LanceDB takes a bare name for a database in its cloud.
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw new WorkError(`corpora cannot be kept in ${folder}: ${messageOf(error)}. Name another folder with --home`, {
        cause: error,
      });
    });
    return new CorpusStore(folder, lance, await lance.connect(folder));
  }

  async names(): Promise<string[]> {
    const names: string[] = [];
    for (;;) {
      const last = names.at(-1);
      const page = await this.#connection.tableNames(last === undefined ? {} : { startAfter: last });
      if (page.length === 0) break;
      names.push(...page);
    }
    return names.sort();
  }

  async list(): Promise<CorpusDescription[]> {
    const summaries: CorpusDescription[] = [];
    for (const name of await this.names()) summaries.push((await this.corpus(name)).summary);
    return summaries;
  }

  /** @throws UsageError when there is no corpus of this name, with the nearest one */
  async corpus(name: string): Promise<Corpus> {
    const names = await this.names();
    if (!names.includes(name)) throw unknownName('corpus', name, givenNames(names));
    const table = await this.#connection.openTable(name);
    const manifest = await readManifest(this.manifestPath(name));
    const known = manifest.figures;
    const figures = known?.version === (await table.version()) ? known : await tableFigures(table);
    return new Corpus(name, table, manifest, figures, this.#lance.MatchQuery);
  }

  /**
   * Opens a corpus for adding passages, for one writer at a time; one that does not exist is made with the first passage.
   * @throws UsageError when the corpus was made with another tokenizer or sentence encoder, or the name cannot be one
   * @throws WorkError while another process, or another job of this one, adds to it
   */
  async writer(name: string, tokenizerHash: string, embedder: TextEmbedder | null): Promise<CorpusWriter> {
    const manifestPath = this.manifestPath(name);
    const claim = await this.#claim(name);
    try {
      const existing = (await this.names()).includes(name)
        ? { table: await this.#connection.openTable(name), manifest: await readManifest(manifestPath) }
        : null;
      const place = { name, lance: this.#lance, connection: this.#connection, manifestPath, claim };
      return new CorpusWriter(place, tokenizerHash, embedder, existing);
    } catch (error) {
      await claim[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #claim(name: string): Promise<Claim> {
    const claim = await Claim.take(join(this.folder, `${name}.lock`));
    if (claim instanceof Claim) return claim;
    throw new WorkError(
      `corpus ${name} is being added to by process ${claim.heldBy}; wait until that is done, or stop it (ssae job list)`,
    );
  }

  /** @throws UsageError when there is no corpus of this name; WorkError while somebody adds to it */
  async remove(name: string): Promise<void> {
    const names = await this.names();
    if (!names.includes(name)) throw unknownName('corpus', name, givenNames(names));
    const claim = await this.#claim(name);
    try {
      await this.#connection.dropTable(name);
      await rm(this.manifestPath(name), { force: true });
    } finally {
      await claim[Symbol.asyncDispose]();
    }
  }

  /** @throws UsageError when the name cannot be a table's and a file's name on every platform */
  manifestPath(name: string): string {
    if (!NAME.test(name))
      throw new UsageError(
        `corpus is "${name}", which cannot be a name; expected letters, digits, ".", "_" and "-", at most 100 of them`,
      );
    return join(this.folder, `${name}.json`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }
}
