import { describe, expect, it } from 'vitest';
import type { TextFeature } from '../../server/protocol/token-readings.ts';
import { rareFeatures, rareFeatureTitle } from './rare-features.ts';
import { recordWindow } from './record-window.ts';

const feature = (index: number, maximum: number, density: number | null): TextFeature => ({
  ...{ feature: index, label: null, maximum, density, mean: 1, share: 0.1, meanAgainst: null, score: 1 },
});

describe('the rare features of a record', () => {
  it('are the strongest of those that fire seldom and are not hidden, three at most', () => {
    const all = [
      ...[feature(1, 9, 0.2), feature(2, 3, 0.0001), feature(3, 8, 0.001), feature(4, 7, null)],
      ...[feature(5, 6, 0), feature(6, 5, 0.0005)],
    ];
    expect(rareFeatures(all, 0.001, [4]).map(({ feature }) => feature)).toEqual([3, 5, 6]);
    expect(rareFeatures(all.slice(0, 1), 0.001, [])).toEqual([]);
  });

  it('are named by number, label and activation, and a label can neither draw icons nor fill the row', () => {
    const title = (label: string | null): string => rareFeatureTitle({ feature: 77, label, maximum: 4.234 });
    expect(title(null)).toBe('#77 4.23');
    expect(title('gravitational\nlensing')).toBe('#77 gravitational lensing 4.23');
    expect(rareFeatureTitle({ feature: 7, label: null, maximum: 261.7 })).toBe('#7 262');
    expect(title('$(trash) delete')).not.toContain('$(trash)');
    expect(title('🜁'.repeat(100))).toBe(`#77 ${'🜁'.repeat(39)}… 4.23`);
  });
});

describe('records with lenses', () => {
  const records = Array.from({ length: 100_000 }, (_, record) => ({ start: record * 50 }));

  it('are those near what is visible, however many there are', () => {
    expect(recordWindow(records, { from: 0, to: 2000 })).toEqual({ first: 0, last: 300 });
    expect(recordWindow(records, { from: 50 * 50_010, to: 50 * 50_030 })).toEqual({ first: 49_800, last: 50_300 });
    expect(recordWindow(records, { from: 50 * 99_990, to: 50 * 100_000 }).last).toBe(100_000);
    expect(recordWindow([], { from: 0, to: 10 })).toEqual({ first: 0, last: 0 });
    expect(recordWindow(records, null)).toEqual({ first: 0, last: 200 });
  });

  it('are the same while a few lines are scrolled', () => {
    const at = (record: number) => recordWindow(records, { from: 50 * record, to: 50 * (record + 30) });
    expect(at(1010)).toEqual(at(1040));
  });
});
