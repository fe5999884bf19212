import type { IntensityScale } from '../../server/text/intensity.ts';
import { PaintBlocks, type PaintBlock, type PaintSource, type Stretch } from './paint-blocks.ts';
import { INTENSITIES, paintedTokens, type PaintedToken } from './painted-tokens.ts';
import { segmentsWithin, type PlacedSegment } from './placed-segments.ts';
import type { SegmentStore } from './segment-values.ts';
import { ToldPaint, type TextChange } from './told-paint.ts';

/** A document as it is to be painted in one editor. */
export interface PaintableText {
  readonly version: number;
  readonly segments: readonly PlacedSegment[];
  readonly store: SegmentStore;
  readonly scale: IntensityScale;
  /** What is visible or nearly. */
  readonly near: readonly Stretch[];
}

/** A kind of paint: one decoration type of the window. RULER has the one step 0. */
export type Tell = (slot: number, step: number, places: readonly number[]) => void;
export const RULER = -1;

/** What is kept in the window of one editor besides what is near: so much that scrolling back costs it little memory, no time. */
const MAX_BLOCKS = 96;
const MAX_TOKENS = 40_000;
const STEPS = Array.from({ length: INTENSITIES }, (_, i) => [i + 1, -i - 1]).flat();

/**
 * The paint of one editor. A document is painted in blocks, each with decoration types of its own (a slot), for the window replaces all
 * decorations of a type whenever it is told of one: so it is told of a block alone, and what was painted once stays painted. Of a
 * block that is not near, stale paint is taken away, but for its scale, which is corrected when it comes near or at rest.
 */
export class KeptPaint {
  readonly #tell: Tell;
  readonly #told = new ToldPaint();
  readonly #blocks = new PaintBlocks();
  /** Slots without a block, that used last at the end. */
  readonly #free: number[] = [];
  /** Of those, the ones whose paint the window has not been told to take away. */
  readonly #stained = new Set<number>();
  #slots = 0;

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  /** Messages sent so far. */
  get sent(): number {
    return this.#told.sent;
  }

  arrived(messages: number): void {
    this.#told.arrived(messages);
  }

  edited(changes: readonly TextChange[], version: number): void {
    this.#told.edited(changes, version);
    this.#blocks.edited(changes);
  }

  /** Brings what is near up to date, and takes away what is stale elsewhere. */
  paint(text: PaintableText): void {
    const blocks = this.#follow(text);
    for (const block of blocks) {
      const isNear = distance(block, text.near) === 0;
      if (!isNear && block.source === null) continue;
      const source = sourceOf(block, text);
      const isShown = this.#shows(block, source);
      if (!isNear && !isShown) this.#release(block);
      if (isNear && !(isShown && isSameScale(block.source, source))) this.#show(block, source, text, blocks);
    }
    this.#wipe();
  }

  /**
   * Paints the nearest block that is not painted as it should be: of one whose text is not all known what is known, once.
   * @returns whether there was one, and room for it
   */
  paintAtRest(text: PaintableText): boolean {
    if (text.near.length === 0) return false;
    const blocks = this.#follow(text);
    const nearest = blocks
      .map((block) => ({ block, away: distance(block, text.near) }))
      .sort((a, b) => a.away - b.away)
      .slice(0, MAX_BLOCKS);
    let tokens = 0;
    for (const { block } of nearest) {
      const source = sourceOf(block, text);
      const known = source.values.filter((values) => values?.complete === true).length;
      const isReady = known > 0 && (known === source.values.length || block.source === null);
      if (!isReady || (this.#shows(block, source) && isSameScale(block.source, source))) {
        tokens += block.tokens;
        continue;
      }
      const fits = tokens + tokensOf(block, text).length <= MAX_TOKENS;
      if (fits) this.#show(block, source, text, blocks);
      this.#wipe();
      return fits;
    }
    return false;
  }

  /** @param places from and to of each mark, one after the other */
  markRuler(places: readonly number[], version: number): void {
    this.#told.follow(version);
    this.#takes(RULER, 0, places);
  }

  clear(version: number): void {
    this.#told.follow(version);
    for (const block of this.#blocks.cut([])) this.#release(block);
    this.#wipe();
    this.#takes(RULER, 0, []);
  }

  #follow({ version, segments }: PaintableText): readonly PaintBlock[] {
    this.#told.follow(version);
    return this.#blocks.cut(segments);
  }

  /** Whether a block bears the paint of these values, in whichever scale. */
  #shows({ slot, source }: PaintBlock, { values }: PaintSource): boolean {
    return (
      source !== null &&
      source.values.length === values.length &&
      source.values.every((each, i) => each === values[i]) &&
      (slot === null || STEPS.every((step) => this.#told.isKnown(layerOf(slot, step))))
    );
  }

  #show(block: PaintBlock, source: PaintSource, text: PaintableText, blocks: readonly PaintBlock[]): void {
    const places = byStep(tokensOf(block, text));
    const tokens = [...places.values()].reduce((sum, { length }) => sum + length / 2, 0);
    if (tokens === 0) this.#release(block);
    else {
      this.#makeRoom(block, tokens, text, blocks);
      block.slot ??= this.#free.pop() ?? this.#slots++;
      this.#stained.delete(block.slot);
      for (const step of STEPS) this.#takes(block.slot, step, places.get(step) ?? []);
    }
    [block.source, block.tokens] = [source, tokens];
  }

  /** Of what is not near, the farthest goes first. */
  #makeRoom(block: PaintBlock, tokens: number, { near }: PaintableText, blocks: readonly PaintBlock[]): void {
    const others = blocks.filter((other) => other !== block && other.slot !== null);
    const far = others
      .map((other) => ({ other, away: distance(other, near) }))
      .filter(({ away }) => away > 0)
      .sort((a, b) => a.away - b.away);
    let sum = others.reduce((all, other) => all + other.tokens, tokens);
    for (let { length } = others; length >= MAX_BLOCKS || sum > MAX_TOKENS; length--) {
      const farthest = far.pop();
      if (farthest === undefined) return;
      sum -= farthest.other.tokens;
      this.#release(farthest.other);
    }
  }

  #release(block: PaintBlock): void {
    if (block.slot !== null) {
      this.#free.push(block.slot);
      this.#stained.add(block.slot);
    }
    [block.slot, block.source, block.tokens] = [null, null, 0];
  }

  #wipe(): void {
    for (const slot of this.#stained) for (const step of STEPS) this.#takes(slot, step, []);
    this.#stained.clear();
  }

  #takes(slot: number, step: number, places: readonly number[]): void {
    if (this.#told.takes(layerOf(slot, step), places)) this.#tell(slot, step, places);
  }
}

/** Number of a kind of paint, of its own for every slot and step. */
function layerOf(slot: number, step: number): number {
  return (slot + 1) * (2 * INTENSITIES + 1) + INTENSITIES + step;
}

function sourceOf({ from, to }: Stretch, { segments, store, scale }: PaintableText): PaintSource {
  return { scale, values: segmentsWithin(segments, from, to).map(({ key }) => store.get(key)) };
}

function isSameScale(one: PaintSource | null, { scale }: PaintSource): boolean {
  return one?.scale.kind === scale.kind && one.scale.maximum === scale.maximum;
}

function tokensOf({ from, to }: Stretch, { segments, store, scale }: PaintableText): PaintedToken[] {
  const tokens = paintedTokens(segmentsWithin(segments, from, to), store, scale);
  return tokens.filter((token) => token.from >= from && token.from < to);
}

/** UTF-16 units from a block to what is near; 0 where they share some. */
function distance({ from, to }: Stretch, near: readonly Stretch[]): number {
  return Math.min(...near.map((each) => Math.max(0, from - each.to + 1, each.from - to + 1)));
}

/** By step: from and to of each token, one after the other. */
function byStep(tokens: readonly PaintedToken[]): Map<number, number[]> {
  const places = new Map<number, number[]>();
  for (const { from, to, step } of tokens) {
    const some = places.get(step);
    if (some === undefined) places.set(step, [from, to]);
    else some.push(from, to);
  }
  return places;
}
