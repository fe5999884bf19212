import { LRUCache } from 'lru-cache';
import type { SparseFeatures } from '../compute/engine.ts';
import type { Encoding } from '../foundation/encoding.ts';
import { sha256 } from '../foundation/hash.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';
import type { TextSegment } from '../protocol/token-readings.ts';
import { hookPointOf, type InspectedDictionary } from './token-readings.ts';
import { positionIn, textWindows, type TextWindow } from './text-windows.ts';

/** What a dictionary says about the tokens of one segment; tokens that stand for no text of it are left out. */
export interface SegmentReading {
  /** [2 × tokens] start and end of each token, UTF-16 offsets into the segment's text. */
  readonly spans: Uint32Array;
  /** [tokens] */
  readonly features: SparseFeatures;
  /** [tokens] ‖x − x̂‖² */
  readonly errors: Float32Array;
}

/** Bytes of readings that are kept: some 150,000 tokens of an L0 of 32. */
const MAX_BYTES = 64 * 2 ** 20;
/** Segments read by one run of the model: enough to fill its batches, few enough to stop soon. */
const SEGMENTS_A_RUN = 16;

/** A token of a segment: its row in the segment's encoding and its place in the segment's text. */
interface OwnToken {
  readonly row: number;
  readonly start: number;
  readonly end: number;
}

/** Reads segments of open documents and remembers what it read: a segment that comes again, or with another question, costs nothing. */
export class SegmentReader {
  readonly #readings = new LRUCache<string, SegmentReading>({ maxSize: MAX_BYTES, sizeCalculation: bytesOf });

  /** @returns readings in the order of the segments */
  async read(
    segments: readonly TextSegment[],
    inspected: InspectedDictionary,
    control: JobControl,
  ): Promise<SegmentReading[]> {
    const keys = segments.map((segment) => keyOf(segment, inspected));
    const readings = new Map<string, SegmentReading>();
    const missing = new Map<string, TextSegment>();
    for (const [i, key] of keys.entries()) {
      const known = this.#readings.get(key);
      if (known === undefined) missing.set(key, segments[i]!);
      else readings.set(key, known);
    }
    const todo = [...missing];
    for (let first = 0; first < todo.length; first += SEGMENTS_A_RUN) {
      throwIfStopped(control);
      const part = todo.slice(first, first + SEGMENTS_A_RUN);
      const read = await readTogether(
        part.map(([, segment]) => segment),
        inspected,
        control,
      );
      for (const [i, [key]] of part.entries()) {
        readings.set(key, read[i]!);
        this.#readings.set(key, read[i]);
      }
      control.report({ stage: 'reading', done: first + part.length, total: todo.length, unit: 'segments' });
    }
    return keys.map((key) => readings.get(key)!);
  }
}

function keyOf({ context, text }: TextSegment, { dictionary, model }: InspectedDictionary): string {
  return sha256(`${dictionary.contentHash}\0${model.description.contentHash}\0${context.length}\0`, context, text);
}

function bytesOf({ spans, features, errors }: SegmentReading): number {
  const { offsets, features: indices, values } = features;
  return 256 + [spans, errors, offsets, indices, values].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

async function readTogether(
  segments: readonly TextSegment[],
  { model, dictionary, engine }: InspectedDictionary,
  control: JobControl,
): Promise<SegmentReading[]> {
  const { dIn } = dictionary.shape;
  const encodings = segments.map(({ context, text }) => model.encode(context + text));
  const owned = encodings.map((encoding, i) => ownTokens(encoding, segments[i]!));
  const windows = encodings.flatMap((encoding, segment) =>
    textWindows(encoding, model.description.contextLength).map((window) => ({ window, segment })),
  );
  const activations = await model.activations(
    hookPointOf(dictionary),
    windows.map(({ window }) => window.ids),
    control.signal,
  );
  const starts: number[] = [];
  let tokens = 0;
  for (const own of owned) {
    starts.push(tokens);
    tokens += own.length;
  }
  const rows = new Float32Array(tokens * dIn);
  for (const [i, { window, segment }] of windows.entries())
    copyOwn(rows, starts[segment]!, owned[segment]!, window, activations[i]!, dIn);
  const features = await engine.encode(rows);
  const errors = squaredErrors(rows, await engine.decode(features), dIn);
  return owned.map((own, i) => ({
    spans: Uint32Array.from(own.flatMap(({ start, end }) => [start, end])),
    features: rowsOf(features, starts[i]!, own.length),
    errors: errors.slice(starts[i], starts[i]! + own.length),
  }));
}

/** Tokens that stand for text of the segment; one that begins in the context is counted from the segment's begin. */
function ownTokens({ starts, ends, special }: Encoding, { context }: TextSegment): OwnToken[] {
  const own: OwnToken[] = [];
  for (let row = 0; row < starts.length; row++) {
    const [start, end] = [Math.max(0, starts[row]! - context.length), ends[row]! - context.length];
    if (special[row] !== 1 && end > start) own.push({ row, start, end });
  }
  return own;
}

function copyOwn(
  rows: Float32Array,
  first: number,
  own: readonly OwnToken[],
  window: TextWindow,
  activations: Float32Array,
  dIn: number,
): void {
  for (const [i, { row }] of own.entries()) {
    if (row < window.from || row >= window.to) continue;
    const position = positionIn(window, row);
    rows.set(activations.subarray(position * dIn, (position + 1) * dIn), (first + i) * dIn);
  }
}

function squaredErrors(rows: Float32Array, reconstructions: Float32Array, dIn: number): Float32Array {
  return Float32Array.from({ length: rows.length / dIn }, (_, token) => {
    let sum = 0;
    for (let i = token * dIn; i < (token + 1) * dIn; i++) sum += (rows[i]! - reconstructions[i]!) ** 2;
    return sum;
  });
}

/** Copies, so that one segment that is kept does not hold the memory of those it was read with. */
function rowsOf({ offsets, features, values }: SparseFeatures, first: number, count: number): SparseFeatures {
  const begin = offsets[first]!;
  const end = offsets[first + count]!;
  return {
    offsets: offsets.slice(first, first + count + 1).map((offset) => offset - begin),
    features: features.slice(begin, end),
    values: values.slice(begin, end),
  };
}
