import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { unknownName, WorkError } from '../foundation/errors.ts';
import { readJson, writeFileAtomic, writeFolderAtomic } from '../foundation/files.ts';
import { canonicalJson, sha256, sha256OfFile } from '../foundation/hash.ts';
import { productVersion } from '../foundation/package-root.ts';
import type { SelectionSummary } from '../protocol/corpus-pages.ts';
import { readJsonLines, toJsonLines } from './json-lines.ts';
import { ARMS, type Hit, type Selection } from './selection.ts';
import { placeOf, storedNames } from './stored-name.ts';

const MANIFEST = 'manifest.json';
const PASSAGES = 'passages.jsonl';

const Manifest = z.object({
  kind: z.literal('selection'),
  version: z.string(),
  config: z.object({
    arm: z.enum(ARMS),
    corpus: z.string(),
    seeds: z.string(),
    tokens: z.int().min(1),
    candidates: z.number(),
    seed: z.int(),
    dictionary: z.string().nullable(),
    /** Ids of passages; selections made before there were such decisions have none. */
    pinned: z.array(z.string()).default([]),
    struck: z.array(z.string()).default([]),
  }),
  /** Content hashes; null where an arm did not read the input. */
  inputs: z.object({
    corpus: z.string(),
    seeds: z.string(),
    embedder: z.string().nullable(),
    dictionary: z.string().nullable(),
  }),
  result: z.object({
    passages: z.int().min(0),
    tokens: z.int().min(0),
    overlapDropped: z.int().min(0),
    note: z.string().nullable(),
    /** SHA-256 of passages.jsonl. */
    passagesHash: z.string(),
  }),
});
type Manifest = z.infer<typeof Manifest>;

const PassageRecord = z.object({
  rank: z.int().min(1),
  score: z.number(),
  id: z.string(),
  text: z.string(),
  tokens: z.int().min(0),
  contentHash: z.string(),
  source: z.string(),
  document: z.string(),
  start: z.int().min(0),
  end: z.int().min(0),
  line: z.int().min(1).nullable(),
  fields: z.record(z.string(), z.string()),
});

/** How a selection was made, and from what. */
export type SelectionOrigin = Pick<Manifest, 'config' | 'inputs'>;

/** A selection as stored: everything but how long it took, so that the same inputs give the same bytes. */
export interface StoredSelection extends Omit<Selection, 'seconds'>, SelectionOrigin {
  /** SHA-256 of the passages: what a dictionary trained on them refers to. */
  readonly contentHash: string;
  readonly path: string;
}

function recordOf({ rank, score, passage }: Hit): z.infer<typeof PassageRecord> {
  const { id, text, tokens, contentHash, fields } = passage;
  const { source, document, start, end, line } = passage.provenance;
  return { rank, score, id, text, tokens, contentHash, source, document, start, end, line, fields };
}

function hitOf({ rank, score, source, document, start, end, line, ...passage }: z.infer<typeof PassageRecord>): Hit {
  return { rank, score, passage: { ...passage, provenance: { source, document, start, end, line } } };
}

async function readManifest(path: string): Promise<Manifest> {
  const parsed = Manifest.safeParse(await readJson(join(path, MANIFEST)));
  if (!parsed.success) throw new WorkError(`${path} is not a selection: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** Selections as folders: `passages.jsonl`, one passage a line, and `manifest.json`. */
export class SelectionStore {
  readonly #folder: string;

  /** @param folder the home's `selections` */
  constructor(folder: string) {
    this.#folder = folder;
  }

  names(): Promise<string[]> {
    return storedNames(this.#folder);
  }

  /** Writes a selection as a whole or not at all. @param nameOrPath see {@link placeOf} */
  async save(nameOrPath: string, selection: Selection, { config, inputs }: SelectionOrigin): Promise<string> {
    const path = placeOf(this.#folder, nameOrPath);
    const passages = toJsonLines(selection.hits.map(recordOf));
    const { tokens, overlapDropped, note } = selection;
    const manifest: Manifest = {
      ...{ kind: 'selection', version: productVersion, config, inputs },
      result: { passages: selection.hits.length, tokens, overlapDropped, note, passagesHash: sha256(passages) },
    };
    await writeFolderAtomic(path, async (temporary) => {
      await writeFileAtomic(join(temporary, PASSAGES), passages);
      await writeFileAtomic(join(temporary, MANIFEST), `${canonicalJson(manifest)}\n`);
    });
    return path;
  }

  /**
   * @param nameOrPath a stored selection, else a path
   * @throws UsageError when neither exists; WorkError when the folder is no selection or its passages were changed
   */
  async load(nameOrPath: string): Promise<StoredSelection> {
    const names = await this.names();
    const path = names.includes(nameOrPath) ? join(this.#folder, nameOrPath) : resolve(nameOrPath);
    if (!existsSync(path)) throw unknownName('selection', nameOrPath, names);
    const { config, inputs, result } = await readManifest(path);
    if ((await sha256OfFile(join(path, PASSAGES))) !== result.passagesHash)
      throw new WorkError(`${path}: ${PASSAGES} was changed after it was written; retrieve the selection again`);
    const hits: Hit[] = [];
    for await (const record of readJsonLines(join(path, PASSAGES), PassageRecord)) hits.push(hitOf(record));
    return {
      ...{ arm: config.arm, corpus: config.corpus, seedSet: config.seeds, hits, config, inputs, path },
      ...{ tokens: result.tokens, overlapDropped: result.overlapDropped, note: result.note },
      contentHash: result.passagesHash,
    };
  }

  /**
   * How a stored selection was made and what came of it, its passages unread: for lists.
   * @throws WorkError when the folder is no selection
   */
  async summary(name: string): Promise<SelectionSummary> {
    const { config, result } = await readManifest(join(this.#folder, name));
    return {
      ...{ name, arm: config.arm, corpus: config.corpus, seeds: config.seeds },
      ...{ passages: result.passages, tokens: result.tokens },
    };
  }

  /** @throws UsageError when there is no such selection */
  async remove(name: string): Promise<void> {
    const names = await this.names();
    if (!names.includes(name)) throw unknownName('selection', name, names);
    await rm(join(this.#folder, name), { recursive: true });
  }
}
