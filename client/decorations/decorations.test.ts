import { describe, expect, it } from 'vitest';
import { paintedTokens, strongestTokens, strongestValue } from './painted-tokens.ts';
import { placeSegments, segmentsWithin, type PlacedSegment } from './placed-segments.ts';
import { decodeValues, SegmentStore, type TokenValues } from './segment-values.ts';

const plain = (text: string): PlacedSegment[] => placeSegments(text, 'plain', []);
const LOG = { maximum: 4, kind: 'log' } as const;

/** One token a word, its leading space with it, as byte-level tokenizers cut. */
function words({ text }: PlacedSegment, value: (word: string) => number): TokenValues {
  const found = [...text.matchAll(/\s*\S+|\s+$/g)];
  return {
    spans: Uint32Array.from(found.flatMap(({ index, 0: word }) => [index, index + word.length])),
    values: Float32Array.from(found.map(([word]) => value(word.trim()))),
    complete: true,
  };
}

function storeOf(segments: readonly PlacedSegment[], value: (word: string) => number): SegmentStore {
  const store = new SegmentStore();
  for (const segment of segments) store.set(segment.key, words(segment, value));
  return store;
}

describe('the paint of a document', () => {
  it('lies on tokens without the space before them, in steps of their value', () => {
    const text = 'a photon and heat';
    const segments = plain(text);
    const values: Record<string, number> = { photon: 4, heat: 0.1 };
    const painted = paintedTokens(
      segments,
      storeOf(segments, (word) => values[word] ?? 0),
      LOG,
    );
    expect(painted.map(({ from, to, step }) => [text.slice(from, to), step])).toEqual([
      ['photon', 5],
      ['heat', 1],
    ]);
  });

  it('is one stretch where tokens of one step touch, as the pieces of a word do', () => {
    const segments = plain('un touched');
    const store = new SegmentStore();
    const spans = Uint32Array.of(0, 2, 2, 5, 5, 8, 8, 10);
    store.set(segments[0]!.key, { spans, values: Float32Array.of(4, 4, 4, 1), complete: true });
    expect(paintedTokens(segments, store, LOG)).toEqual([
      { from: 0, to: 2, step: 5 },
      { from: 3, to: 8, step: 5 },
      { from: 8, to: 10, step: 3 },
    ]);
  });

  it('names tokens of the strongest step, whichever their sign, spread over the document', () => {
    const segments = plain('weak strong worst strong weak strong');
    const values: Record<string, number> = { strong: 4, worst: -4 };
    const store = storeOf(segments, (word) => values[word] ?? 1);
    expect(strongestTokens(segments, store, LOG, 36)).toHaveLength(4);
    expect(strongestTokens(segments, store, LOG, 2)).toEqual([
      { from: 5, to: 11, step: 5 },
      { from: 30, to: 36, step: 5 },
    ]);
  });

  it('marks a long document from its begin to its end', () => {
    const segments = plain('A strong field. '.repeat(2000));
    const store = storeOf(segments, () => 4);
    const marks = strongestTokens(segments, store, LOG, 100);
    expect(marks.length).toBeGreaterThan(90);
    expect(marks.length).toBeLessThanOrEqual(100);
    expect(marks.at(-1)!.from).toBeGreaterThan(0.98 * 32_000);
  });

  it('tells values below 0 from those above', () => {
    const segments = plain('better worse');
    const store = storeOf(segments, (word) => (word === 'worse' ? -4 : 2));
    expect(paintedTokens(segments, store, LOG).map(({ step }) => step)).toEqual([4, -5]);
    expect(strongestValue(segments, store)).toBe(4);
  });

  it('lies on the text of a record as it is written in the file', () => {
    const document = '{"id": 1, "text": "say \\"photon\\" twice"}\n';
    const segments = placeSegments(document, 'json-lines', ['text']);
    const store = storeOf(segments, (word) => (word === '"photon"' ? 1 : 0));
    expect(paintedTokens(segments, store, LOG).map(({ from, to }) => document.slice(from, to))).toEqual([
      '\\"photon\\"',
    ]);
  });

  it('is found again when the text stands elsewhere, without reading it again', () => {
    const paragraph = `${'Light bends near a mass. '.repeat(12).trim()}\n\n`;
    const store = storeOf(plain(paragraph.repeat(3)), () => 1);
    const moved = plain(`Another paragraph ${'comes first '.repeat(20)}.\n\n${paragraph.repeat(3)}`);
    expect(moved.filter(({ key }) => store.has(key)).length).toBe(2);
  });

  it('stays on the tokens that an edit does not touch until they are read again', () => {
    const [before, after] = [plain('one two three four five'), plain('one two thrice four five')];
    const store = storeOf(before, (word) => word.length);
    store.carryOver(before, after);
    expect(store.has(after[0]!.key)).toBe(false);
    const words = (): string[] =>
      paintedTokens(after, store, LOG).map(({ from, to }) => after[0]!.text.slice(from, to));
    expect(words()).toEqual(['one', 'two', 'four', 'five']);
    store.forgetCarried();
    expect(words()).toEqual([]);
  });

  it('stays on a segment whose context alone was edited, where it stands now', () => {
    const paragraph = `${'Light bends near a mass. '.repeat(12).trim()}\n\n`;
    const [before, after] = [plain(paragraph.repeat(2)), plain(`${paragraph.trim()}!\n\n${paragraph}`)];
    const store = storeOf(before, () => 1);
    store.carryOver(before, after);
    expect(after).toHaveLength(2);
    expect(store.has(after[1]!.key)).toBe(false);
    expect(paintedTokens(after.slice(1), store, LOG)).toHaveLength(60);
    expect(paintedTokens(after.slice(1), store, LOG)[0]).toMatchObject({ from: paragraph.length + 1 });
  });
});

describe('segments of a document', () => {
  it('are found by where they stand', () => {
    const segments = plain('All bodies attract each other. '.repeat(100));
    for (const segment of segments) {
      expect(segmentsWithin(segments, segment.from, segment.from + 1)).toEqual([segment]);
      expect(segmentsWithin(segments, segment.to - 1, segment.to + 1).slice(0, 1)).toEqual([segment]);
    }
    expect(segmentsWithin(segments, 0, 1e9)).toEqual(segments);
  });
});

describe('values of a segment', () => {
  it('come as base64 of little-endian arrays', () => {
    const base64 = (array: Uint32Array | Float32Array): string => Buffer.from(array.buffer).toString('base64');
    const decoded = decodeValues({ spans: base64(Uint32Array.of(0, 3)), values: base64(Float32Array.of(1.5)) });
    expect([[...decoded.spans], [...decoded.values]]).toEqual([[0, 3], [1.5]]);
  });

  it('are counted over the segments of a document, known ones only', () => {
    const segments = plain('one two three\n\nfour five');
    const store = storeOf(segments.slice(0, 1), () => 1);
    expect(store.count(segments)).toBe(store.get(segments[0]!.key)!.values.length);
    expect(store.count([])).toBe(0);
  });

  it('are forgotten, oldest first, when there are too many', () => {
    const store = new SegmentStore();
    const large = { spans: new Uint32Array(0), values: new Float32Array(900_000), complete: true };
    for (const key of ['a', 'b', 'c']) store.set(key, large);
    expect(['a', 'b', 'c'].map((key) => store.has(key))).toEqual([false, true, true]);
  });
});
