/**
 * Which rows are trained on and which are only measured. Whole sequences are held out where the shards list them, because the tokens
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
}

/** More held-out rows than this tell nothing new and cost an encode each; the rest is trained on. */
const MAX_HELD_OUT_ROWS = 131_072;
const BLOCKS = 100;
const MAX_BLOCK_ROWS = 1024;

interface Unit extends RowRange {
  readonly key: string;
}

/** Documents where several are listed; blocks of rows where there is one alone, or nobody said what the rows are. */
function unitsOf(data: ActivationFolder): Unit[] {
  const units: Unit[] = [];
  const documents = new Set(data.shards.flatMap(({ sequences }) => sequences.map(({ key }) => key)));
  const listed = documents.size > 1 && data.shards.every(({ sequences }) => sequences.length > 0);
  const blockRows = Math.min(MAX_BLOCK_ROWS, Math.max(1, Math.floor(data.rows / BLOCKS)));
  let first = 0;
  if (listed)
    for (const { sequences } of data.shards)
      for (const { key, rows } of sequences) {
        units.push({ key, first, end: first + rows });
        first += rows;
      }
  else
    for (; first < data.rows; first += blockRows) {
      const end = Math.min(first + blockRows, data.rows);
      units.push({ key: `${data.contentHash}:${first}-${end}`, first, end });
    }
  return units;
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
 * Chance decides by the seed and the sequence's key alone, so that a sequence falls on the same side whatever else is in the folder, and
 * equal sequences never fall on both.
 * @param share of the rows to hold out, at most 131,072 of them and at least one unit
 * @throws WorkError when there are too few rows to split
 */
export function splitHeldOut(data: ActivationFolder, share: number, seed: number): HeldOutSplit {
  const units = unitsOf(data);
  const rowsByKey = new Map<string, number>();
  for (const { key, first, end } of units) rowsByKey.set(key, (rowsByKey.get(key) ?? 0) + end - first);
  if (rowsByKey.size < 2)
    throw new WorkError(
      `the activations hold ${data.rows} row${data.rows === 1 ? '' : 's'}; at least 2 are needed, one to train on and one to measure`,
    );
  const drawn = [...rowsByKey.keys()]
    .map((key) => ({ key, draw: sha256(`${seed}:${key}`) }))
    .sort((a, b) => (a.draw < b.draw ? -1 : 1));
  const budget = Math.min(Math.max(data.rows * share, 2), MAX_HELD_OUT_ROWS); // One row has no variance.
  const keys = new Set<string>();
  let rows = 0;
  for (const { key } of drawn.slice(0, -1)) {
    if (rows >= budget) break;
    keys.add(key);
    rows += rowsByKey.get(key)!;
  }
  const training = merged(units.filter(({ key }) => !keys.has(key)));
  const heldOut = merged(units.filter(({ key }) => keys.has(key)));
  return {
    ...{ training, heldOut, trainingRows: rowsOf(training), heldOutRows: rowsOf(heldOut) },
    splitHash: splitHash(keys),
  };
}
