import { describe, expect, it } from 'vitest';
import { random } from '../../bench/editor/prose.mts';
import { KeptPaint, RULER } from './kept-paint.ts';
import { BLOCK_LENGTH } from './paint-blocks.ts';
import { paintedTokens, type PaintedToken } from './painted-tokens.ts';
import { placeSegments, type PlacedSegment } from './placed-segments.ts';
import { SegmentStore } from './segment-values.ts';
import type { TextChange } from './told-paint.ts';

const BLOCKS = 6;

/** Paragraphs that differ: equal ones would be one segment, read once. */
function paragraphs(count: number, first = 0): string {
  const one = (number: number): string =>
    `${`Light bends near a heavy mass, in run ${number}. `.repeat(11).trim()}\n\n`;
  return Array.from({ length: count }, (_, i) => one(first + i)).join('');
}

/** A document, what is known of it, and a window that paints as it is told and moves its paint along with edits. */
class Editor {
  text: string;
  version = 1;
  maximum = 4;
  segments: PlacedSegment[];
  readonly store = new SegmentStore();
  readonly paint: KeptPaint;
  readonly window = new Map<string, PaintedToken[]>();
  /** Messages on their way to the window. */
  #underWay: (() => void)[] = [];
  /** Slots and steps that the window was told of since this was emptied. */
  told: { slot: number; step: number; tokens: number }[] = [];

  constructor(text: string) {
    this.text = text;
    this.segments = placeSegments(text, 'plain', []);
    this.paint = new KeptPaint((slot, step, places) => {
      this.told.push({ slot, step, tokens: places.length / 2 });
      const tokens = places.flatMap((from, i) => (i % 2 === 0 ? [{ from, to: places[i + 1]!, step }] : []));
      this.#underWay.push(() => this.window.set(`${slot} ${step}`, tokens));
    });
  }

  /** Values of every word, that of its length unless told otherwise. */
  read(value = (word: string): number => (word.length % 6) - 1, segments = this.segments): void {
    for (const { key, text } of segments) {
      if (this.store.has(key)) continue;
      const found = [...text.matchAll(/\s*\S+/g)];
      const spans = Uint32Array.from(found.flatMap(({ index, 0: word }) => [index, index + word.length]));
      this.store.set(key, { spans, values: Float32Array.from(found, ([word]) => value(word.trim())), complete: true });
    }
  }

  at(from: number, to = from + 1) {
    const scale = { maximum: this.maximum, kind: 'log' as const };
    return { version: this.version, segments: this.segments, store: this.store, scale, near: [{ from, to }] };
  }

  /** All messages arrive. */
  arrive(): void {
    for (const message of this.#underWay.splice(0)) message();
    this.paint.arrived(this.paint.sent);
  }

  show(from: number, to = from + 1): void {
    this.paint.paint(this.at(from, to));
  }

  rest(from: number): number {
    let painted = 0;
    while (this.paint.paintAtRest(this.at(from))) painted++;
    this.arrive();
    return painted;
  }

  edit(rangeOffset: number, rangeLength: number, text: string): void {
    const change = { rangeOffset, rangeLength, text };
    this.text = this.text.slice(0, rangeOffset) + text + this.text.slice(rangeOffset + rangeLength);
    for (const [key, tokens] of this.window) this.window.set(key, tokens.map(movedBy(change)));
    const segments = placeSegments(this.text, 'plain', []);
    this.store.carryOver(this.segments, segments);
    this.segments = segments;
    this.paint.edited([change], ++this.version);
  }

  /** What the window paints in a stretch, in order. */
  painted(from = 0, to = this.text.length): PaintedToken[] {
    const all = [...this.window.values()].flat().filter((token) => token.from >= from && token.from < to);
    return all.sort((a, b) => a.from - b.from);
  }

  expected(from = 0, to = this.text.length): PaintedToken[] {
    const tokens = paintedTokens(this.segments, this.store, { maximum: this.maximum, kind: 'log' });
    return tokens.filter((token) => token.from >= from && token.from < to);
  }
}

/** As the window does with ranges closed at both ends. */
function movedBy({ rangeOffset, rangeLength, text }: TextChange) {
  const [end, shift] = [rangeOffset + rangeLength, text.length - rangeLength];
  return ({ from, to, step }: PaintedToken): PaintedToken => {
    if (to <= rangeOffset) return { from, to, step };
    if (from >= end) return { from: from + shift, to: to + shift, step };
    return { from: Math.min(from, rangeOffset), to: Math.max(rangeOffset, to + shift), step };
  };
}

function editor(blocks = BLOCKS): Editor {
  const made = new Editor(paragraphs(Math.ceil(((blocks + 0.5) * BLOCK_LENGTH) / paragraphs(1).length)));
  made.read();
  return made;
}

describe('the paint that a window keeps', () => {
  it('is told where it is near, once: scrolling back costs no message', () => {
    const e = editor();
    e.show(0);
    e.arrive();
    expect(e.painted(0, BLOCK_LENGTH)).toEqual(e.expected(0, BLOCK_LENGTH));
    expect(e.painted(2 * BLOCK_LENGTH, 3 * BLOCK_LENGTH)).toEqual([]);
    e.show(3 * BLOCK_LENGTH);
    e.arrive();
    e.told = [];
    e.show(0);
    e.show(3 * BLOCK_LENGTH);
    expect(e.told).toEqual([]);
  });

  it('grows at rest, the nearest block first, until all that is known is painted', () => {
    const e = editor();
    e.show(0);
    e.arrive();
    expect(e.paint.paintAtRest(e.at(0))).toBe(true);
    e.arrive();
    expect(e.painted(0, 2 * BLOCK_LENGTH)).toEqual(e.expected(0, 2 * BLOCK_LENGTH));
    expect(e.rest(0)).toBeGreaterThanOrEqual(BLOCKS - 3);
    expect(e.painted()).toEqual(e.expected());
    expect(e.rest(0)).toBe(0);
  });

  it('grows at rest where some text of a block is read, and again when all of it is', () => {
    const e = new Editor(paragraphs(60));
    e.read(undefined, e.segments.slice(0, 20));
    e.show(0);
    e.rest(0);
    const last = e.painted();
    expect(last).toEqual(e.expected());
    e.read(undefined, e.segments.slice(0, 21));
    expect(e.rest(0)).toBe(0);
    e.read();
    e.rest(0);
    expect(e.painted()).toEqual(e.expected());
    expect(e.painted().length).toBeGreaterThan(last.length);
  });

  it('is told of one block alone after an edit, of those steps alone that the edit changed', () => {
    const e = editor();
    e.show(0);
    e.rest(0);
    e.told = [];
    e.edit(BLOCK_LENGTH / 2, 0, 'x');
    e.show(0);
    expect(new Set(e.told.map(({ slot }) => slot)).size).toBe(1);
    expect(e.told.length).toBeLessThan(3);
    e.arrive();
    expect(e.painted()).toEqual(e.expected());
  });

  it('is not told again where an edit above only moved it', () => {
    const e = editor();
    e.show(0);
    e.rest(0);
    e.edit(0, 0, paragraphs(1, 1000));
    e.read();
    e.show(0);
    e.arrive();
    e.told = [];
    e.show(4 * BLOCK_LENGTH);
    expect(e.told).toEqual([]);
    expect(e.painted()).toEqual(e.expected());
  });

  it('goes at once where it is stale and not near: after another question, and where the document was edited elsewhere', () => {
    const e = editor();
    e.show(0);
    e.rest(0);
    e.edit(4 * BLOCK_LENGTH + 9, 3, 'other words');
    e.show(0);
    e.arrive();
    const right = new Set(e.expected().map((token) => JSON.stringify(token)));
    expect(e.painted().filter((token) => !right.has(JSON.stringify(token)))).toEqual([]);
    expect(e.painted().length).toBeGreaterThan(right.size / 2);
    e.store.clear();
    e.show(0);
    e.arrive();
    expect(e.painted()).toEqual([]);
  });

  it('takes another scale where it is near at once, elsewhere at rest', () => {
    const e = editor();
    e.show(0);
    e.rest(0);
    e.maximum = 16;
    e.show(0);
    e.arrive();
    expect(e.painted(0, BLOCK_LENGTH)).toEqual(e.expected(0, BLOCK_LENGTH));
    e.rest(0);
    expect(e.painted()).toEqual(e.expected());
  });

  it('is told again where an edit may have crossed it on the way', () => {
    const e = editor();
    e.show(0);
    e.edit(0, 0, 'Now ');
    e.show(0);
    e.arrive();
    expect(e.painted(0, BLOCK_LENGTH)).toEqual(e.expected(0, BLOCK_LENGTH));
  });

  it('is bounded: what is farthest from the screen makes room', () => {
    const e = editor(150);
    for (let place = 0; place < e.text.length; place += BLOCK_LENGTH) e.show(place);
    const end = e.text.length - 1;
    e.rest(end);
    const most = e.painted().length;
    expect(most).toBeLessThanOrEqual(40_000);
    expect(most).toBeGreaterThan(10_000);
    expect(new Set(e.told.map(({ slot }) => slot)).size).toBeLessThanOrEqual(97);
    expect(e.painted(end - 20 * BLOCK_LENGTH)).toEqual(e.expected(end - 20 * BLOCK_LENGTH));
    expect(e.painted(0, 20 * BLOCK_LENGTH)).toEqual([]);
    e.show(0, e.text.length);
    e.arrive();
    expect(e.painted()).toEqual(e.expected());
  });

  it('takes no slot where nothing fires', () => {
    const e = new Editor(paragraphs(60));
    e.read(() => 0);
    e.show(0);
    e.rest(0);
    expect(e.told).toEqual([]);
  });

  it('is taken away with its marks of the ruler', () => {
    const e = editor();
    e.show(0);
    e.rest(0);
    e.paint.markRuler([3, 7], e.version);
    e.paint.clear(e.version);
    e.arrive();
    expect(e.painted()).toEqual([]);
    expect(e.told.at(-1)).toEqual({ slot: RULER, step: 0, tokens: 0 });
    e.show(0);
    e.rest(0);
    expect(e.painted()).toEqual(e.expected());
  });

  it('comes out right after any edits, scrolls and pauses', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const next = random(seed);
      const below = (most: number): number => Math.floor(next() * most);
      const e = editor(3);
      for (let turn = 0; turn < 40; turn++) {
        const place = below(e.text.length);
        const [choice, deleted] = [below(8), below(10) === 0 ? below(2 * BLOCK_LENGTH) : below(12)];
        if (choice < 4) e.edit(place, Math.min(deleted, e.text.length - place), 'a b\ncd ef'.slice(0, below(9)));
        if (choice === 4) e.edit(place, 0, paragraphs(below(24), 1000 * turn));
        if (choice === 5) e.read();
        if (choice === 6) e.arrive();
        if (choice === 7) e.maximum += below(2);
        const shown = below(e.text.length);
        e.show(shown, shown + below(BLOCK_LENGTH));
        if (below(4) === 0) e.rest(shown);
      }
      e.read();
      e.show(0, e.text.length);
      e.arrive();
      expect(e.painted(), `seed ${seed}`).toEqual(e.expected());
    }
  });
});
