import { z } from 'zod';
import { messageOf, WorkError } from '../foundation/errors.ts';
import { readJson, writeFileAtomic } from '../foundation/files.ts';

const count = z.int().min(0);

/** A record that could not be read. */
const Skipped = z.object({ source: z.string(), line: z.int().min(1).nullable(), reason: z.string() });
export type Skipped = z.infer<typeof Skipped>;

/** A source that was read to its end: it is not read again while its content and the settings stay the same. */
const FinishedSource = z.object({
  source: z.string(),
  /** SHA-256 over content and the settings that shape passages. */
  key: z.string(),
  passages: count,
  skipped: z.array(Skipped),
  skippedTotal: count,
});
export type FinishedSource = z.infer<typeof FinishedSource>;

/** Figures of a table at one version; another version's are counted again. */
const TableFigures = z.object({
  version: count,
  passages: count,
  tokens: count,
  documents: count,
  contentHash: z.string(),
});
export type TableFigures = z.infer<typeof TableFigures>;

/** What is known of a corpus beside its passages. It is written before the table, so a table always has one. */
const CorpusManifest = z.object({
  created: z.string(),
  tokenizerHash: z.string(),
  embedder: z.object({ contentHash: z.string(), dimensions: z.int().min(1) }).nullable(),
  sources: z.array(z.string()),
  licences: z.array(z.string()),
  finished: z.array(FinishedSource),
  figures: TableFigures.nullable(),
  /** Passages are being added, or adding them was cut short. */
  partial: z.boolean().default(false),
});
export type CorpusManifest = z.infer<typeof CorpusManifest>;

/** @throws WorkError when the file is missing or not a corpus's manifest. */
export async function readManifest(path: string): Promise<CorpusManifest> {
  const parsed = CorpusManifest.safeParse(await readJson(path));
  if (!parsed.success)
    throw new WorkError(`${path} is damaged (${messageOf(parsed.error)}); remove the corpus and add it again`);
  return parsed.data;
}

export async function writeManifest(path: string, manifest: CorpusManifest): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(manifest, null, 1));
}
