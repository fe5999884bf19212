import { describe, expect, it } from 'vitest';
import { ToldPaint } from './told-paint.ts';

const insertion = (rangeOffset: number, text: string) => ({ rangeOffset, rangeLength: 0, text });

/** Two stretches that the window was told of and has read. */
function told(): ToldPaint {
  const paint = new ToldPaint();
  paint.follow(1);
  expect(paint.takes(1, [2, 5, 8, 12])).toBe(true);
  paint.arrived(paint.sent);
  return paint;
}

describe('what a window was told to paint', () => {
  it('is not told again, nor that a step without paint still has none', () => {
    const paint = told();
    expect(paint.takes(1, [2, 5, 8, 12])).toBe(false);
    expect(paint.takes(2, [])).toBe(false);
    expect(paint.takes(1, [2, 5])).toBe(true);
  });

  it('moves with an edit: what stands behind it is shifted, what touches its ends does not grow', () => {
    const paint = told();
    paint.edited([insertion(5, 'abc')], 2);
    expect(paint.takes(1, [2, 5, 11, 15])).toBe(false);
    paint.edited([{ rangeOffset: 5, rangeLength: 4, text: '' }], 3);
    expect(paint.takes(1, [2, 5, 7, 11])).toBe(false);
  });

  it('moves with several edits at once, whose places are those before any of them', () => {
    const paint = told();
    paint.edited([insertion(0, 'ab'), insertion(6, 'cd')], 2);
    expect(paint.takes(1, [4, 7, 12, 16])).toBe(false);
  });

  it('is told again where an edit went into a stretch', () => {
    const paint = told();
    paint.edited([insertion(3, 'x')], 2);
    expect(paint.takes(1, [2, 6, 9, 13])).toBe(true);
  });

  it('is told again when the edit was heard of before the window had read it: the two may have crossed', () => {
    const paint = told();
    expect(paint.takes(2, [14, 15])).toBe(true);
    paint.edited([insertion(20, 'x')], 2);
    expect(paint.takes(1, [2, 5, 8, 12])).toBe(false);
    expect(paint.takes(2, [14, 15])).toBe(true);
    paint.arrived(paint.sent);
    paint.edited([insertion(20, 'y')], 3);
    expect(paint.takes(2, [14, 15])).toBe(false);
  });

  it('is told again when the text changed without an edit, as when line ends are converted', () => {
    const paint = told();
    paint.follow(2);
    expect(paint.isKnown(1)).toBe(false);
    expect(paint.takes(1, [2, 5, 8, 12])).toBe(true);
    expect(paint.isKnown(1)).toBe(true);
  });

  it('of a layer without paint cannot have moved', () => {
    const paint = told();
    expect(paint.takes(1, [])).toBe(true);
    paint.edited([insertion(3, 'x')], 2);
    paint.follow(9);
    expect(paint.isKnown(1)).toBe(true);
    expect(paint.takes(1, [])).toBe(false);
  });

  it('moves with one edit after the other, before it and within it', () => {
    const paint = told();
    paint.edited([insertion(0, 'abc')], 2);
    paint.edited([insertion(9, 'd')], 3);
    expect(paint.takes(1, [5, 8, 12, 16])).toBe(false);
    paint.edited([{ rangeOffset: 9, rangeLength: 1, text: '' }], 4);
    expect(paint.takes(1, [5, 8, 11, 15])).toBe(false);
  });
});
