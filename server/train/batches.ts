/**
 * Shuffled rows of the disk, in memory that does not grow with them. An epoch's blocks of neighbouring rows are shuffled and read a
 * buffer at a time; the rows of a buffer are shuffled and dealt, while the next buffer is read. Everything follows from the seed and the
 * number of rows dealt so far, so a resumed run needs nothing but that number.
 */
import { WorkError } from '../foundation/errors.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { sha256 } from '../foundation/hash.ts';
import { Random } from '../foundation/random.ts';
import type { ActivationScale } from '../sae/canonical.ts';
import { ActivationReader } from './activation-reader.ts';
import type { RowRange } from './held-out-split.ts';
import type { Passages } from './passages.ts';

/** Two of these are held: the one that is dealt and the one that is read ahead. */
const BUFFER_BYTES = 64 * 1024 * 1024;
/** Neighbours that stay within one buffer: a read of this many rows costs little more than one row. */
const BLOCK_ROWS = 128;

export interface BatchOptions {
  readonly seed: number;
  readonly bufferBytes?: number;
  readonly blockRows?: number;
  /** Deal the rows of a passage one after the other, and say which passage each is of; null deals rows. */
  readonly passages?: Passages | null;
}

/** Chance for one purpose, from the run's seed: streams of different purposes do not overlap. */
export function randomFor(seed: number, ...purpose: readonly (string | number)[]): Random {
  return new Random(Number.parseInt(sha256([seed, ...purpose].join(' ')).slice(0, 8), 16) | 0);
}

interface Buffer {
  readonly epoch: number;
  readonly group: number;
  readonly ranges: readonly RowRange[];
  /** [rows, d_in] in reading order */
  readonly rows: Float32Array;
  /** [rows, d_out], of a transcoder's data */
  readonly targets: Float32Array | null;
  /** [rows] dealing order */
  readonly order: Uint32Array;
}

function cut(ranges: readonly RowRange[], rows: number): RowRange[] {
  const blocks: RowRange[] = [];
  for (const { first, end } of ranges)
    for (let at = first; at < end; at += rows) blocks.push({ first: at, end: Math.min(at + rows, end) });
  return blocks;
}

/** A batch as dealt. */
export interface Batch {
  /** [tokens, d_in], times the scale */
  readonly values: Float32Array;
  /** [tokens, d_out] what a transcoder reconstructs, times its own scale; null where that is `values` */
  readonly targets: Float32Array | null;
  /** [tokens] row of the activation folder */
  readonly rows: Float64Array;
  /** [tokens] which passage each row is of; null where rows are dealt one by one */
  readonly passages: Float64Array | null;
  /** [tokens] 1 for rows of general text that is mixed in; null where none is */
  readonly isGeneral: Uint8Array | null;
}

/** Shuffled rows without an end; where it stands is one number. */
export interface RowSource {
  /** Rows dealt so far. */
  readonly position: number;
  seek(position: number): Promise<void>;
  deal(tokens: number, scale: ActivationScale, step: number): Promise<Batch>;
}

export class BatchSource implements RowSource {
  readonly #dIn: number;
  readonly #reader: ActivationReader;
  readonly #targets: { readonly reader: ActivationReader; readonly width: number } | null;
  readonly #blocks: readonly RowRange[];
  readonly #rows: number;
  readonly #seed: number;
  readonly #bufferRows: number;
  readonly #passages: Passages | null;
  #dealt = 0;
  #groups: { readonly epoch: number; readonly groups: readonly (readonly RowRange[])[] } | null = null;
  #buffer: Buffer | null = null;
  #ahead: { readonly key: string; readonly buffer: Promise<Buffer> } | null = null;
  /** Row of the buffer that is dealt next. */
  #next = 0;

  constructor(data: ActivationFolder, training: readonly RowRange[], options: BatchOptions) {
    const { seed, bufferBytes = BUFFER_BYTES, blockRows = BLOCK_ROWS, passages = null } = options;
    this.#dIn = data.dIn;
    this.#reader = new ActivationReader(data);
    this.#targets =
      data.targets === undefined ? null : { reader: new ActivationReader(data.targets), width: data.targets.dIn };
    const width = data.dIn + (this.#targets?.width ?? 0);
    this.#bufferRows = Math.max(blockRows, Math.floor(bufferBytes / (4 * width)));
    this.#passages = passages;
    this.#blocks = passages === null ? cut(training, blockRows) : passages.within(training);
    this.#rows = this.#blocks.reduce((sum, { first, end }) => sum + end - first, 0);
    this.#seed = seed;
  }

  /** Rows dealt since the first epoch began: the position to hand to {@link seek}. */
  get position(): number {
    return this.#dealt;
  }

  /** Goes to where a source of the same data and seed stood after dealing so many rows. */
  async seek(position: number): Promise<void> {
    const epoch = Math.floor(position / this.#rows);
    let rest = position - epoch * this.#rows;
    const groups = this.#groupsOf(epoch);
    let group = 0;
    for (; rest >= rowsOf(groups[group]!); group++) rest -= rowsOf(groups[group]!);
    this.#dealt = position;
    this.#ahead = null;
    this.#buffer = await this.#load(epoch, group);
    this.#next = rest;
  }

  /**
   * The next rows; at the end of an epoch the next one begins within the batch.
   * @throws WorkError naming the row and the step when a value is not finite.
   */
  async deal(tokens: number, scale: ActivationScale, step: number): Promise<Batch> {
    const targets = this.#targets === null ? null : new Float32Array(tokens * this.#targets.width);
    const rows = new Float64Array(tokens);
    const values = new Float32Array(tokens * this.#dIn);
    const batch: Batch = { values, targets, rows, passages: null, isGeneral: null };
    for (let token = 0; token < tokens; token++) {
      if (this.#buffer === null) await this.seek(this.#dealt);
      else if (this.#next === this.#buffer.order.length) await this.#turn(this.#buffer);
      this.#copy(this.#buffer!, batch, token, scale, step);
      this.#next++;
      this.#dealt++;
    }
    return this.#passages === null ? batch : { ...batch, passages: this.#passages.of(rows) };
  }

  #copy(buffer: Buffer, batch: Batch, token: number, scale: ActivationScale, step: number): void {
    const source = buffer.order[this.#next]!;
    let sum = copyRow(buffer.rows, source, batch.values, token, this.#dIn, scale.input);
    if (batch.targets !== null && buffer.targets !== null)
      sum += copyRow(buffer.targets, source, batch.targets, token, this.#targets!.width, scale.output);
    batch.rows[token] = rowAt(buffer.ranges, source);
    if (sum !== 0)
      throw new WorkError(
        `row ${batch.rows[token]} of the activations, dealt to step ${step}, holds a value that is not finite (NaN or infinity); remove the row or harvest again`,
      );
  }

  async #turn({ epoch, group }: Buffer): Promise<void> {
    const isLast = group + 1 === this.#groupsOf(epoch).length;
    const [nextEpoch, nextGroup] = isLast ? [epoch + 1, 0] : [epoch, group + 1];
    this.#buffer = null; // Only the buffer read ahead is held while it is waited for.
    this.#buffer = await this.#load(nextEpoch, nextGroup);
    this.#next = 0;
  }

  async #load(epoch: number, group: number): Promise<Buffer> {
    const key = `${epoch}:${group}`;
    const buffer = await (this.#ahead?.key === key ? this.#ahead.buffer : this.#read(epoch, group));
    const groups = this.#groupsOf(epoch).length;
    const [nextEpoch, nextGroup] = group + 1 === groups ? [epoch + 1, 0] : [epoch, group + 1];
    const ahead = this.#read(nextEpoch, nextGroup, buffer);
    ahead.catch(() => undefined); // Whoever deals from it sees the error.
    this.#ahead = { key: `${nextEpoch}:${nextGroup}`, buffer: ahead };
    return buffer;
  }

  /** @param held a buffer that is already in memory: when it has the same rows (one group an epoch), they are not read again */
  async #read(epoch: number, group: number, held?: Buffer): Promise<Buffer> {
    const ranges = [...this.#groupsOf(epoch)[group]!].sort((a, b) => a.first - b.first);
    const same = held !== undefined && this.#blocks.length === held.ranges.length;
    const rows = same ? held.rows : await this.#reader.read(ranges);
    const targets = same ? held.targets : ((await this.#targets?.reader.read(ranges)) ?? null);
    const order = this.#order(ranges, randomFor(this.#seed, 'rows', epoch, group));
    return { epoch, group, ranges, rows, targets, order };
  }

  #order(ranges: readonly RowRange[], random: Random): Uint32Array {
    if (this.#passages === null) return random.shuffle(Uint32Array.from({ length: rowsOf(ranges) }, (_, i) => i));
    let first = 0;
    const firstRows = ranges.map(({ first: from, end }) => (first += end - from) - (end - from));
    const order = new Uint32Array(first);
    let next = 0;
    for (const place of random.shuffle(Uint32Array.from(ranges.keys()))) {
      const { first: from, end } = ranges[place]!;
      for (let i = 0; i < end - from; i++) order[next++] = firstRows[place]! + i;
    }
    return order;
  }

  /** An epoch's blocks in shuffled order, cut into buffers. */
  #groupsOf(epoch: number): readonly (readonly RowRange[])[] {
    if (this.#groups?.epoch === epoch) return this.#groups.groups;
    const order = randomFor(this.#seed, 'blocks', epoch).shuffle(Uint32Array.from(this.#blocks.keys()));
    const groups: RowRange[][] = [];
    let room = 0;
    for (const index of order) {
      const block = this.#blocks[index]!;
      const rows = block.end - block.first;
      if (rows > room) {
        groups.push([]);
        room = this.#bufferRows;
      }
      groups.at(-1)!.push(block);
      room -= rows;
    }
    this.#groups = { epoch, groups };
    return groups;
  }
}

/** @returns 0, or NaN where a value is not finite */
function copyRow(
  from: Float32Array,
  source: number,
  to: Float32Array,
  row: number,
  width: number,
  scale: number,
): number {
  let sum = 0;
  for (let i = 0; i < width; i++) {
    const value = from[source * width + i]!;
    sum += value - value; // NaN once any value is not finite
    to[row * width + i] = value * scale;
  }
  return sum;
}

const rowsOf = (ranges: readonly RowRange[]): number => ranges.reduce((sum, { first, end }) => sum + end - first, 0);

/** Which row of the folder the n-th row of these ranges is. */
function rowAt(ranges: readonly RowRange[], n: number): number {
  let rest = n;
  for (const { first, end } of ranges) {
    if (rest < end - first) return first + rest;
    rest -= end - first;
  }
  return NaN;
}
