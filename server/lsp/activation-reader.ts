import { LRUCache } from 'lru-cache';
import { ReadSegments } from '../protocol/messages.ts';
import type { Measure, SegmentValues, TextSegment } from '../protocol/token-readings.ts';
import { sha256 } from '../foundation/hash.ts';
import { Interrupted } from '../foundation/errors.ts';
import type { Asker } from './daemon-link.ts';

/** What tokens are asked for. */
export interface Question {
  readonly dictionary: string;
  /** Of the dictionary's content: one that was trained again answers otherwise. */
  readonly contentHash: string;
  readonly measure: Measure;
  /** Features that never count. */
  readonly hidden: readonly number[];
}

/** Tokens of a segment; offsets are UTF-16, into the segment's text. */
export interface SegmentActivations {
  /** [2 × tokens] start and end of each token */
  readonly spans: Uint32Array;
  /** [tokens] the measure */
  readonly values: Float32Array;
}

/** What one piece of work is watched by. */
export interface Watch {
  readonly signal: AbortSignal;
  /** @throws when the answer is of no use any more */
  readonly check: () => void;
  readonly report: (done: number, total: number) => void;
}

const MAX_BYTES = 64 * 2 ** 20;
/** Asked for at a time: enough for the model's batches, few enough to show progress and to stop soon. */
const SEGMENTS_A_REQUEST = 32;

/** Reads segments by the daemon and keeps what it read by content: after an edit only segments that changed are asked again. */
export class ActivationReader {
  readonly #daemon: Asker;
  readonly #known = new LRUCache<string, SegmentActivations>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ spans, values }) => 256 + spans.byteLength + values.byteLength,
  });
  /** Requests go one after the other, so that what one reads the next one knows. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(daemon: Asker) {
    this.#daemon = daemon;
  }

  /** @returns activations in the order of the segments */
  async read(
    segments: readonly TextSegment[],
    question: Question,
    watch: Watch,
  ): Promise<readonly SegmentActivations[]> {
    const keys = segments.map((segment) => keyOf(segment, question));
    const found = new Map<string, SegmentActivations>();
    for (let first = 0; first < segments.length; first += SEGMENTS_A_REQUEST) {
      const [partKeys, part] = [keys, segments].map((list) => list.slice(first, first + SEGMENTS_A_REQUEST)) as [
        string[],
        TextSegment[],
      ];
      await this.#inTurn(() => this.#readPart(partKeys, part, question, watch, found));
      watch.report(Math.min(first + SEGMENTS_A_REQUEST, segments.length), segments.length);
    }
    return keys.map((key) => found.get(key)!);
  }

  /** The largest value that is known of these segments; nothing is asked. */
  strongestKnown(segments: readonly TextSegment[], question: Question): number {
    let strongest = 0;
    for (const segment of segments)
      for (const value of this.#known.get(keyOf(segment, question))?.values ?? [])
        strongest = Math.max(strongest, value);
    return strongest;
  }

  async #readPart(
    keys: readonly string[],
    segments: readonly TextSegment[],
    question: Question,
    { signal, check }: Watch,
    found: Map<string, SegmentActivations>,
  ): Promise<void> {
    if (signal.aborted) throw new Interrupted();
    check();
    const missing = new Map<string, TextSegment>();
    for (const [i, key] of keys.entries()) {
      const known = found.get(key) ?? this.#known.get(key);
      if (known === undefined) missing.set(key, segments[i]!);
      else found.set(key, known);
    }
    if (missing.size === 0) return;
    const { dictionary, measure, hidden } = question;
    const asked = { dictionary, measure, hidden: [...hidden], segments: [...missing.values()] };
    const answer = await this.#daemon.request(ReadSegments, asked, signal);
    for (const [i, key] of [...missing.keys()].entries()) {
      const activations = decode(answer.segments[i]!);
      found.set(key, activations);
      this.#known.set(key, activations);
    }
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

function keyOf({ context, text }: TextSegment, { contentHash, measure, hidden }: Question): string {
  return sha256(JSON.stringify([contentHash, measure, hidden, context.length]), context, text);
}

function decode({ spans, values }: SegmentValues): SegmentActivations {
  return { spans: new Uint32Array(bytesOf(spans)), values: new Float32Array(bytesOf(values)) };
}

/** Copied: the buffer of Buffer.from may be shared, and begin where no number may. */
function bytesOf(base64: string): ArrayBuffer {
  return new Uint8Array(Buffer.from(base64, 'base64')).buffer;
}
