import type { SegmentValues } from '../../server/protocol/token-readings.ts';
import type { PlacedSegment } from './placed-segments.ts';

/** Tokens of a segment with what they are painted by. */
export interface TokenValues {
  /** [2 × tokens] start and end of each token in the segment's text. */
  readonly spans: Uint32Array;
  /** [tokens] */
  readonly values: Float32Array;
  /** Whether they were read for this text; of one that is being typed in they are those of the text before the edit. */
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
   * Keeps the paint of text that an edit left as it is until it is read again: before the edit, where it still holds, for a causal
   * model reads a token without what follows it, and behind it, where it may change a little. Tokens that the edit touches are left out.
   */
  carryOver(before: readonly PlacedSegment[], after: readonly PlacedSegment[]): void {
    const shift = (after.at(-1)?.to ?? 0) - (before.at(-1)?.to ?? 0);
    const known = new Map(before.map((segment) => [segment.from, segment]));
    for (const segment of after) {
      if (this.#values.has(segment.key)) continue;
      const old = known.get(segment.from) ?? known.get(segment.from - shift);
      const values = old === undefined ? undefined : this.#values.get(old.key);
      if (values !== undefined) this.set(segment.key, untouchedTokens(values, old!.text, segment.text));
    }
  }

  /** Forgets what was carried over: nobody reads it again. */
  forgetCarried(): void {
    for (const [key, { complete }] of this.#values) if (!complete) this.#forget(key);
  }

  #forget(key: string): void {
    this.#tokens -= this.#values.get(key)?.values.length ?? 0;
    this.#values.delete(key);
  }
}

/** Tokens of `before` that end before the place where `after` differs, or begin behind it. */
function untouchedTokens({ spans, values }: TokenValues, before: string, after: string): TokenValues {
  if (before === after) return { spans, values, complete: false };
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start++;
  let behind = 0;
  while (behind < most - start && before.at(-1 - behind) === after.at(-1 - behind)) behind++;
  const shift = after.length - before.length;
  const kept = [...values.keys()].filter(
    (token) => spans[2 * token + 1]! < start || spans[2 * token]! > before.length - behind,
  );
  const moved = (place: number): number => (place < start ? place : place + shift);
  return {
    spans: Uint32Array.from(kept.flatMap((token) => [moved(spans[2 * token]!), moved(spans[2 * token + 1]!)])),
    values: Float32Array.from(kept, (token) => values[token]!),
    complete: false,
  };
}
