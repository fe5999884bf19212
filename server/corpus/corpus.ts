import { createHash } from 'node:crypto';
import type { MatchQuery, Table } from '@lancedb/lancedb';
import { messageOf, UsageError, WorkError } from '../foundation/errors.ts';
import type { CorpusManifest, TableFigures } from './corpus-manifest.ts';
import { columnOf, copyVectors, PASSAGE_COLUMNS, passageAt } from './passage-table.ts';
import type { Passage } from './passage.ts';

export interface CorpusDescription {
  readonly name: string;
  readonly passages: number;
  readonly tokens: number;
  readonly documents: number;
  readonly sources: readonly string[];
  readonly licences: readonly string[];
  readonly created: string;
  /** Adding sources is under way, or was cut short: adding them again takes in what is missing. */
  readonly partial: boolean;
  /** SHA-256 over the passages' content hashes in order. */
  readonly contentHash: string;
  readonly tokenizerHash: string;
  /** Null where the corpus has no vectors. */
  readonly embedderHash: string | null;
}

const IDS_PER_QUERY = 1000;

/**
 * Whether a record has all these values. A field that lists several, separated by `|` as in `optics|physics`, has each of them.
 */
export function matchesFields(
  fields: Readonly<Record<string, string>>,
  where: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(where).every(([name, wanted]) => {
    const value = Object.hasOwn(fields, name) ? fields[name]! : null;
    return value !== null && (value === wanted || value.split('|').includes(wanted));
  });
}

/** Counts a table's passages, tokens and documents in one scan of narrow columns. */
export async function tableFigures(table: Table): Promise<TableFigures> {
  const version = await table.version();
  const hash = createHash('sha256');
  let [passages, tokens, documents] = [0, 0, 0];
  for await (const batch of table.query().select(['contentHash', 'tokens', 'opensDocument'])) {
    const [hashes, counts, opens] = ['contentHash', 'tokens', 'opensDocument'].map((name) => columnOf(batch, name));
    passages += batch.numRows;
    for (let row = 0; row < batch.numRows; row++) {
      hash.update(hashes!.get(row) as string);
      tokens += counts!.get(row) as number;
      if (opens!.get(row) === true) documents++;
    }
  }
  return { version, passages, tokens, documents, contentHash: hash.digest('hex') };
}

/**
 * Passages of one name, read from a LanceDB table. The order of passages is the order they were added in and does not change;
 * a `Corpus` sees the passages there were when it was opened.
 */
export class Corpus {
  readonly summary: CorpusDescription;
  readonly #table: Table;
  readonly #dimensions: number | null;
  readonly #matchQuery: typeof MatchQuery;

  constructor(name: string, table: Table, manifest: CorpusManifest, figures: TableFigures, query: typeof MatchQuery) {
    this.#table = table;
    this.#dimensions = manifest.embedder?.dimensions ?? null;
    this.#matchQuery = query;
    this.summary = {
      name,
      passages: figures.passages,
      tokens: figures.tokens,
      documents: figures.documents,
      sources: manifest.sources,
      licences: manifest.licences,
      created: manifest.created,
      partial: manifest.partial || manifest.figures?.version !== figures.version,
      contentHash: figures.contentHash,
      tokenizerHash: manifest.tokenizerHash,
      embedderHash: manifest.embedder?.contentHash ?? null,
    };
  }

  /**
   * All passages in order, as a stream.
   * @param where only passages whose fields have these values, see {@link matchesFields}
   */
  async *passages({ where = {} }: { readonly where?: Readonly<Record<string, string>> } = {}): AsyncGenerator<
    Passage,
    void,
    undefined
  > {
    for await (const batch of this.#table.query().select(PASSAGE_COLUMNS))
      for (let row = 0; row < batch.numRows; row++) {
        const passage = passageAt(batch, row);
        if (matchesFields(passage.fields, where)) yield passage;
      }
  }

  /** Passages `offset` to `offset + limit` in order; what lies before them is not read. */
  async page(offset: number, limit: number): Promise<Passage[]> {
    const page: Passage[] = [];
    for await (const batch of this.#table.query().select(PASSAGE_COLUMNS).limit(limit).offset(offset))
      for (let row = 0; row < batch.numRows; row++) page.push(passageAt(batch, row));
    return page;
  }

  /**
   * Passages by id, in the order of `ids`.
   * @throws WorkError naming an id that the corpus does not have
   */
  async byIds(ids: readonly string[]): Promise<Passage[]> {
    const found = new Map<string, Passage>();
    for (let first = 0; first < ids.length; first += IDS_PER_QUERY) {
      const wanted = ids.slice(first, first + IDS_PER_QUERY);
      const wrong = wanted.find((id) => !/^[0-9a-f]{16}$/.test(id));
      if (wrong !== undefined) throw new UsageError(`"${wrong}" is not a passage's id: 16 hexadecimal digits`);
      const quoted = wanted.map((id) => `'${id}'`).join(', ');
      for await (const batch of this.#table.query().where(`id IN (${quoted})`).select(PASSAGE_COLUMNS))
        for (let row = 0; row < batch.numRows; row++) {
          const passage = passageAt(batch, row);
          found.set(passage.id, passage);
        }
    }
    return ids.map((id) => {
      const passage = found.get(id);
      if (passage === undefined) throw new WorkError(`corpus ${this.summary.name} has no passage ${id}`);
      return passage;
    });
  }

  /**
   * The passages that match any term of the query best, by Okapi BM25 (k1 = 1.2, b = 0.75) over lower-cased, stemmed English terms
   * without stop words. The query is plain text: no character of it has a meaning.
   * @returns at most `limit`, by falling score; equal scores by id
   */
  async bm25(query: string, limit: number): Promise<{ readonly id: string; readonly score: number }[]> {
    if (!/[\p{L}\p{N}]/u.test(query)) return [];
    const search = this.#table
      .query()
      .fullTextSearch(new this.#matchQuery(query, 'text'))
      .select(['id', '_score'])
      .limit(limit);
    const hits: { id: string; score: number }[] = [];
    try {
      for await (const batch of search) {
        const [ids, scores] = [columnOf(batch, 'id'), columnOf(batch, '_score')];
        for (let row = 0; row < batch.numRows; row++)
          hits.push({ id: ids.get(row) as string, score: scores.get(row) as number });
      }
    } catch (error) {
      throw new WorkError(
        `corpus ${this.summary.name} cannot be searched: ${messageOf(error)}. If adding its sources was interrupted, add them again: what is stored is kept.`,
        { cause: error },
      );
    }
    return hits.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
  }

  /**
   * Unit vectors of all passages, in order.
   * @returns `matrix` [passages, dimensions] row-major
   * @throws UsageError when the corpus was made without a sentence encoder
   */
  async vectors(): Promise<{ readonly ids: string[]; readonly matrix: Float32Array; readonly dimensions: number }> {
    const dimensions = this.#dimensions;
    if (dimensions === null)
      throw new UsageError(`corpus ${this.summary.name} has no vectors; add it again with a sentence encoder`);
    const ids: string[] = [];
    const matrix = new Float32Array(this.summary.passages * dimensions);
    for await (const batch of this.#table.query().select(['id', 'vector'])) {
      copyVectors(batch, matrix, ids.length, dimensions);
      const column = columnOf(batch, 'id');
      for (let row = 0; row < batch.numRows; row++) ids.push(column.get(row) as string);
    }
    return { ids, matrix, dimensions };
  }

  /** Content hashes of all passages, in order. */
  async contentHashes(): Promise<string[]> {
    const hashes: string[] = [];
    for await (const batch of this.#table.query().select(['contentHash'])) {
      const column = columnOf(batch, 'contentHash');
      for (let row = 0; row < batch.numRows; row++) hashes.push(column.get(row) as string);
    }
    return hashes;
  }

  /** Ids and token counts of all passages, in order, without their texts: enough to draw from. */
  async index(): Promise<{ readonly ids: string[]; readonly tokens: Uint32Array }> {
    const ids: string[] = [];
    const tokens = new Uint32Array(this.summary.passages);
    for await (const batch of this.#table.query().select(['id', 'tokens'])) {
      const [id, count] = [columnOf(batch, 'id'), columnOf(batch, 'tokens')];
      for (let row = 0; row < batch.numRows; row++) {
        tokens[ids.length] = count.get(row) as number;
        ids.push(id.get(row) as string);
      }
    }
    return { ids, tokens };
  }
}
