import type { SegmentValues } from '../../server/protocol/token-readings.ts';
import type { PlacedSegment } from './placed-segments.ts';

/** Tokens of a segment with what they are painted by. */
export interface TokenValues {
  /** [2 × tokens] start and end of each token in the segment's text. */
  readonly spans: Uint32Array;
  /** [tokens] */
  readonly values: Float32Array;
  /** Whether every token of the segment is there; of one that is being typed in only those before the edit are. */
  readonly complete: boolean;
}

/** Tokens that are remembered, all documents together: 12 bytes each. */
export const MAX_TOKENS = 2_000_000;

export function decodeValues({ spans, values }: SegmentValues): TokenValues {
  return { spans: new Uint32Array(bytesOf(spans)), values: new Float32Array(bytesOf(values)), complete: true };
}

/** A buffer of its own, so that its place in Node's pool does not matter. */
function bytesOf(base64: string): ArrayBuffer {
  return new Uint8Array(Buffer.from(base64, 'base64')).buffer;
}

/** Values by segment key: text that was read once is painted again without asking. Forgets what was used longest ago. */
export class SegmentStore {
  readonly #values = new Map<string, TokenValues>();
  #tokens = 0;

  get(key: string): TokenValues | undefined {
    const known = this.#values.get(key);
    if (known === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, known);
    return known;
  }

  has(key: string): boolean {
    return this.#values.get(key)?.complete === true;
  }

  /** Tokens that are known of these segments. */
  count(segments: readonly PlacedSegment[]): number {
    return segments.reduce((tokens, { key }) => tokens + (this.#values.get(key)?.values.length ?? 0), 0);
  }

  set(key: string, values: TokenValues): void {
    this.#forget(key);
    this.#values.set(key, values);
    this.#tokens += values.values.length;
    for (const oldest of this.#values.keys()) {
      if (this.#tokens <= MAX_TOKENS || oldest === key) break;
      this.#forget(oldest);
    }
  }

  clear(): void {
    this.#values.clear();
    this.#tokens = 0;
  }

  /**
   * Keeps the paint of a segment that is being typed in up to the edit. A causal model reads a token without what follows it, so
   * these values still hold; the last token before the edit may be another one now and is left out.
   */
  carryOver(before: readonly PlacedSegment[], after: readonly PlacedSegment[]): void {
    const known = new Map(before.map((segment) => [segment.from, segment]));
    for (const segment of after) {
      const old = known.get(segment.from);
      if (this.#values.has(segment.key) || old === undefined || old.context !== segment.context) continue;
      const values = this.#values.get(old.key);
      if (values !== undefined) this.set(segment.key, firstTokens(values, commonLength(old.text, segment.text)));
    }
  }

  #forget(key: string): void {
    this.#tokens -= this.#values.get(key)?.values.length ?? 0;
    this.#values.delete(key);
  }
}

function commonLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

function firstTokens({ spans, values }: TokenValues, length: number): TokenValues {
  let tokens = 0;
  while (tokens < values.length && spans[2 * tokens + 1]! < length) tokens++;
  return { spans: spans.slice(0, 2 * tokens), values: values.slice(0, tokens), complete: false };
}
