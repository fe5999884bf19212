import type * as lancedb from '@lancedb/lancedb';
import type { Claim } from '../foundation/claim.ts';
import type { TextEmbedder } from '../foundation/encoding.ts';
import { messageOf, UsageError, WorkError } from '../foundation/errors.ts';
import { writeManifest, type CorpusManifest, type FinishedSource } from './corpus-manifest.ts';
import { tableFigures } from './corpus.ts';
import { NgramSet, ngramsOf } from './ngrams.ts';
import { hashNumber, NumberSet } from './number-set.ts';
import { columnOf, passageSchema, passagesToArrow, type PassageRow } from './passage-table.ts';
import type { Passage } from './passage.ts';

const ROWS_PER_BATCH = 4096;
const TEXT_PER_BATCH = 8 * 1024 * 1024;
/** A passage is dropped when so large a share of its 13-grams was seen in passages kept before it. */
export const DUPLICATE_SHARE = 0.5;
/** Older versions of a table that others may be reading are kept so long. */
const KEEP_VERSIONS_MS = 24 * 60 * 60 * 1000;

/** The database and the place of one corpus in it. */
export interface CorpusPlace {
  readonly name: string;
  readonly lance: typeof lancedb;
  readonly connection: lancedb.Connection;
  readonly manifestPath: string;
  /** Given back when the writer is disposed. */
  readonly claim: Claim;
}

/** Hashes of what is stored. Content hashes and ids take at most 32 bytes a passage each; 13-grams have a limit. */
class Seen {
  readonly contents = new NumberSet();
  readonly stored = new NumberSet();
  readonly ngrams = new NgramSet();
}

/**
 * Adds passages to one corpus. Every batch is one transaction of the table, and what is dropped as a duplicate depends only on the
 * passages stored before: a process killed at any moment leaves whole passages in order, and reading the same sources again adds
 * exactly those that are missing. Until `complete` the corpus counts as partial.
 */
export class CorpusWriter implements AsyncDisposable {
  readonly #place: CorpusPlace;
  readonly #embedder: TextEmbedder | null;
  readonly #isNew: boolean;
  #manifest: CorpusManifest;
  #table: lancedb.Table | null;
  #seen: Promise<Seen> | null = null;
  #rows: PassageRow[] = [];
  #rowsLength = 0;
  #openDocument: string | null = null;
  #finished: FinishedSource[] = [];
  #added = { passages: 0, tokens: 0, documents: 0 };

  /** @param existing the corpus's table and manifest where it exists already */
  constructor(
    place: CorpusPlace,
    tokenizerHash: string,
    embedder: TextEmbedder | null,
    existing: { readonly table: lancedb.Table; readonly manifest: CorpusManifest } | null,
  ) {
    this.#place = place;
    this.#embedder = embedder;
    this.#table = existing?.table ?? null;
    this.#isNew = existing === null;
    const ownEmbedder = embedder && { contentHash: embedder.contentHash, dimensions: embedder.dimensions };
    this.#manifest = existing?.manifest ?? {
      ...{ created: new Date().toISOString(), tokenizerHash, embedder: ownEmbedder },
      ...{ sources: [], licences: [], finished: [], figures: null, partial: false },
    };
    const known = this.#manifest;
    const differs =
      known.tokenizerHash !== tokenizerHash
        ? 'tokenizer'
        : known.embedder?.contentHash !== embedder?.contentHash
          ? 'sentence encoder'
          : null;
    if (differs !== null)
      throw new UsageError(
        `corpus ${place.name} was made with another ${differs}; choose another name, or remove the corpus first`,
      );
  }

  /** Figures of what this writer added. */
  get added(): { readonly passages: number; readonly tokens: number; readonly documents: number } {
    return this.#added;
  }

  /** Passages in the corpus, before and through this writer. */
  async countPassages(): Promise<number> {
    return this.#rows.length + ((await this.#table?.countRows()) ?? 0);
  }

  /** A source that was read to its end already, with the same content and settings. */
  finishedSource(key: string): FinishedSource | undefined {
    return [...this.#manifest.finished, ...this.#finished].find((finished) => finished.key === key);
  }

  /** Adds a passage unless it repeats one that is stored. @returns whether it was added */
  async add(passage: Passage): Promise<boolean> {
    const seen = await (this.#seen ??= this.#remember());
    const document = `${passage.provenance.source}\0${passage.provenance.document}`;
    if (seen.stored.has(hashNumber(passage.id))) {
      this.#openDocument = document;
      return false;
    }
    const content = hashNumber(passage.contentHash);
    if (seen.contents.has(content)) return false;
    const ngrams = ngramsOf(passage.text);
    if (seen.ngrams.share(ngrams) >= DUPLICATE_SHARE) return false;
    if (!this.#manifest.partial) await this.#markPartial();
    seen.contents.add(content);
    seen.ngrams.add(ngrams);
    this.#rows.push({ passage, opensDocument: document !== this.#openDocument });
    this.#rowsLength += passage.text.length;
    this.#openDocument = document;
    if (this.#rows.length >= ROWS_PER_BATCH || this.#rowsLength >= TEXT_PER_BATCH) await this.#flush();
    return true;
  }

  /** Notes that a source was read to its end; written down with the batch that holds its last passage. */
  finish(source: FinishedSource, licence: string | null): void {
    this.#finished.push(source);
    const { sources, licences } = this.#manifest;
    this.#manifest = {
      ...this.#manifest,
      sources: [...new Set([...sources, source.source])],
      licences: licence === null ? licences : [...new Set([...licences, licence])],
    };
  }

  /** Stores what is left, and brings the indexes up to date. */
  async complete(): Promise<void> {
    await this.#flush();
    const table = this.#table;
    if (table === null) return;
    if (this.#manifest.figures?.version === (await table.version())) {
      if (this.#manifest.partial) await this.#write({ ...this.#manifest, partial: false });
      return;
    }
    // Joins small batches, and takes new passages into the indexes there are.
    const keep = this.#isNew ? 0 : KEEP_VERSIONS_MS;
    await table.optimize({ cleanupOlderThan: new Date(Date.now() - keep) });
    const indexed = new Set((await table.listIndices()).flatMap((index) => index.columns));
    const { Index } = this.#place.lance;
    if (!indexed.has('text')) await table.createIndex('text', { config: Index.fts(FULL_TEXT) });
    if (!indexed.has('id')) await table.createIndex('id', { config: Index.btree() });
    await this.#write({ ...this.#manifest, figures: await tableFigures(table), partial: false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#place.claim[Symbol.asyncDispose]();
  }

  async #markPartial(): Promise<void> {
    this.#manifest = { ...this.#manifest, partial: true };
    if (this.#table !== null) await this.#write(this.#manifest);
  }

  /** @throws WorkError when another writer took the corpus over: whoever slept for minutes must not write any more */
  async #write(manifest: CorpusManifest): Promise<void> {
    await this.#checkClaim();
    this.#manifest = manifest;
    await writeManifest(this.#place.manifestPath, manifest);
  }

  async #checkClaim(): Promise<void> {
    const { claim, name } = this.#place;
    if (!(await claim.stands()))
      throw new WorkError(
        `corpus ${name} was taken over by another process while this one stood still; add the sources again once that is done`,
      );
  }

  async #remember(): Promise<Seen> {
    const seen = new Seen();
    if (this.#table === null) return seen;
    for await (const batch of this.#table.query().select(['id', 'contentHash', 'text'])) {
      const [id, hash, text] = ['id', 'contentHash', 'text'].map((name) => columnOf(batch, name));
      for (let row = 0; row < batch.numRows; row++) {
        seen.stored.add(hashNumber(id!.get(row) as string));
        seen.contents.add(hashNumber(hash!.get(row) as string));
        seen.ngrams.add(text!.get(row) as string);
      }
    }
    return seen;
  }

  async #flush(): Promise<void> {
    if (this.#rows.length > 0) {
      await this.#checkClaim();
      const vectors = (await this.#embedder?.embed(this.#rows.map(({ passage }) => passage.text))) ?? null;
      const schema = passageSchema(this.#embedder?.dimensions ?? null);
      const table = (this.#table ??= await this.#create(schema));
      try {
        await table.add(passagesToArrow(schema, this.#rows, vectors));
      } catch (error) {
        throw new WorkError(
          `could not store passages of corpus ${this.#place.name}: ${messageOf(error)}. What was stored before is kept.`,
          { cause: error },
        );
      }
      for (const { passage, opensDocument } of this.#rows) {
        this.#added.passages++;
        this.#added.tokens += passage.tokens;
        if (opensDocument) this.#added.documents++;
      }
      [this.#rows, this.#rowsLength] = [[], 0];
    }
    if (this.#table === null || this.#finished.length === 0) return;
    const finished = [...this.#manifest.finished, ...this.#finished];
    this.#finished = [];
    await this.#write({ ...this.#manifest, finished });
  }

  async #create(schema: ReturnType<typeof passageSchema>): Promise<lancedb.Table> {
    await this.#write(this.#manifest);
    return this.#place.connection.createEmptyTable(this.#place.name, schema);
  }
}

const FULL_TEXT: Partial<lancedb.FtsOptions> = {
  ...{ withPosition: false, baseTokenizer: 'simple', language: 'English' },
  ...{ lowercase: true, stem: true, removeStopWords: true, asciiFolding: true, maxTokenLength: 40 },
};
