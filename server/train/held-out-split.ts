/**
 * Which rows are trained on and which are only measured. Whole texts are held out where the shards list them, because the tokens
 * of one text resemble each other; else contiguous blocks of rows.
 */
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { WorkError } from '../foundation/errors.ts';
import { sha256, splitHash } from '../foundation/hash.ts';

/** Rows first to end − 1 of the folder, counted over its shards in order. */
export interface RowRange {
  readonly first: number;
  readonly end: number;
}

export interface HeldOutSplit {
  readonly training: readonly RowRange[];
  readonly heldOut: readonly RowRange[];
  readonly trainingRows: number;
  readonly heldOutRows: number;
  /** Of the held-out sequences' keys, or of blocks and content hash. */
  readonly splitHash: string;
  /** Keys of what is held out. */
  readonly heldOutKeys: ReadonlySet<string>;
}

/** More held-out rows than this tell nothing new and cost an encode each; the rest is trained on. */
const MAX_HELD_OUT_ROWS = 131_072;
const BLOCKS = 100;
const MAX_BLOCK_ROWS = 1024;

interface Unit extends RowRange {
  readonly key: string;
}

/** The documents that the shards list; none where nobody said what the rows are. */
function documentsOf(data: ActivationFolder): Unit[] {
  if (data.shards.some(({ sequences }) => sequences.length === 0)) return [];
  let first = 0;
  return data.shards.flatMap(({ sequences }) =>
    sequences.map(({ key, rows }) => {
      first += rows;
      return { key, first: first - rows, end: first };
    }),
  );
}

function blocksOf({ rows, contentHash }: ActivationFolder): Unit[] {
  const blockRows = Math.min(MAX_BLOCK_ROWS, Math.max(1, Math.floor(rows / BLOCKS)));
  return Array.from({ length: Math.ceil(rows / blockRows) }, (_, block) => {
    const first = block * blockRows;
    const end = Math.min(first + blockRows, rows);
    return { key: `${contentHash}:${first}-${end}`, first, end };
  });
}

/** Draws units by the seed and their keys until there are `budget` rows, passing over those that would make it more than `limit`. */
function drawn(
  units: readonly Unit[],
  seed: number,
  budget: number,
  limit: number,
): { keys: Set<string>; rows: number } {
  const rowsByKey = new Map<string, number>();
  for (const { key, first, end } of units) rowsByKey.set(key, (rowsByKey.get(key) ?? 0) + end - first);
  const order = [...rowsByKey]
    .map(([key, size]) => ({ key, size, draw: sha256(`${seed}:${key}`) }))
    .sort((a, b) => (a.draw < b.draw ? -1 : 1));
  const keys = new Set<string>();
  let rows = 0;
  for (const { key, size } of order) {
    if (rows >= budget) break;
    if (rows + size > limit) continue;
    keys.add(key);
    rows += size;
  }
  return { keys, rows };
}

function merged(units: readonly Unit[]): RowRange[] {
  const ranges: { first: number; end: number }[] = [];
  for (const { first, end } of units) {
    const last = ranges.at(-1);
    if (last?.end === first) last.end = end;
    else ranges.push({ first, end });
  }
  return ranges;
}

const rowsOf = (ranges: readonly RowRange[]): number => ranges.reduce((sum, { first, end }) => sum + end - first, 0);

/**
 * Chance decides by the seed and the sequence's key, so that a sequence falls on the same side whatever else is in the folder, and
 * equal sequences never fall on both. A text longer than half of the data is trained on. Where whole texts do not make half the
 * share, as where one text is nearly everything, blocks of rows are held out.
 * @param share of the rows to hold out, at most 131,072 of them and at least one unit
 * @param untrained keys of texts that are not trained on either, because they are held out elsewhere
 * @throws WorkError when there are too few rows to split
 */
export function splitHeldOut(
  data: ActivationFolder,
  share: number,
  seed: number,
  untrained: ReadonlySet<string> = new Set(),
): HeldOutSplit {
  if (data.rows < 2)
    throw new WorkError(
      `the activations hold ${data.rows} row${data.rows === 1 ? '' : 's'}; at least 2 are needed, one to train on and one to measure`,
    );
  const budget = Math.min(Math.max(data.rows * share, 2), MAX_HELD_OUT_ROWS); // One row has no variance.
  const limit = Math.max(data.rows / 2, Math.min(budget, data.rows - 1));
  const documents = documentsOf(data);
  const byDocument = drawn(documents, seed, budget, limit);
  const whole = byDocument.rows >= budget / 2;
  const units = whole ? documents : blocksOf(data);
  const { keys } = whole ? byDocument : drawn(units, seed, budget, limit);
  const training = merged(units.filter(({ key }) => !keys.has(key) && !untrained.has(key)));
  const heldOut = merged(units.filter(({ key }) => keys.has(key)));
  return {
    ...{ training, heldOut, trainingRows: rowsOf(training), heldOutRows: rowsOf(heldOut) },
    splitHash: splitHash(keys),
    heldOutKeys: keys,
  };
}
