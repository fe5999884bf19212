import type { IntensityScale } from '../../server/text/intensity.ts';
import type { PlacedSegment } from './placed-segments.ts';
import type { TokenValues } from './segment-values.ts';
import { backwards, type TextChange } from './told-paint.ts';

/** UTF-16 units that a block has at least where it is cut, some 43 lines: what an edit makes the window draw anew. */
export const BLOCK_LENGTH = 4096;

/** UTF-16 offsets into a document. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** What the paint of a block is made of: it comes out the same where these are the same. */
export interface PaintSource {
  readonly scale: IntensityScale;
  /** By segment; undefined where nothing is known. */
  readonly values: readonly (TokenValues | undefined)[];
}

/** A part of a document whose paint is told apart from that of the others. The last one has no end. */
export class PaintBlock implements Stretch {
  from: number;
  to = Infinity;
  /** Place among the decorations of its editor; null without paint. */
  slot: number | null = null;
  /** Tokens painted. */
  tokens = 0;
  /** What its paint was made of; null where it is not known to be as it should. */
  source: PaintSource | null = null;

  constructor(from: number) {
    this.from = from;
  }
}

/** A document cut into blocks. The cuts move with the text, so that an edit leaves all blocks but its own as they are. */
export class PaintBlocks {
  #blocks = [new PaintBlock(0)];

  edited(changes: readonly TextChange[]): void {
    for (const change of backwards(changes))
      for (const block of this.#blocks.slice(1)) block.from = moved(block.from, change);
    this.#close();
  }

  /** All blocks in the document's order, cut again where they have grown to more than twice a block's length. */
  cut(segments: readonly PlacedSegment[]): readonly PaintBlock[] {
    const length = segments.at(-1)?.to ?? 0;
    const isTooLong = ({ from, to }: PaintBlock): boolean => Math.min(to, length) - from > 2 * BLOCK_LENGTH;
    const isLeft = ({ from, to, slot }: PaintBlock, i: number): boolean => i === 0 || slot !== null || from < to;
    if (this.#blocks.some(isTooLong) || !this.#blocks.every(isLeft)) {
      this.#blocks = this.#blocks
        .filter(isLeft)
        .flatMap((block) => (isTooLong(block) ? [block, ...cuts(block, segments)] : [block]));
      this.#close();
    }
    return this.#blocks;
  }

  #close(): void {
    for (const [i, block] of this.#blocks.entries()) block.to = this.#blocks[i + 1]?.from ?? Infinity;
  }
}

/** Blocks behind the first of one that is too long; they begin where a segment does. */
function cuts(block: PaintBlock, segments: readonly PlacedSegment[]): PaintBlock[] {
  const found: PaintBlock[] = [];
  let last = block.from;
  for (const { from, to } of segments)
    if (from < block.to && from - last >= BLOCK_LENGTH && to > from) found.push(new PaintBlock((last = from)));
  block.source = null;
  return found;
}

function moved(place: number, { rangeOffset, rangeLength, text }: TextChange): number {
  if (place >= rangeOffset + rangeLength) return place + text.length - rangeLength;
  return place <= rangeOffset ? place : rangeOffset + text.length;
}
