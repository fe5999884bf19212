import { describe, expect, it } from 'vitest';
import { CharacterModel, identityDictionary } from '../../test/character-model.ts';
import { unwatched } from '../foundation/progress.ts';
import type { Measure } from '../protocol/token-readings.ts';
import { inspectText } from './inspect-text.ts';
import { tokenMeasure } from './measure-tokens.ts';
import { SegmentReader } from './segment-reader.ts';

const CONTEXT_LENGTH = 12;

function inspectedWith(scale: number, name = `times ${scale}`) {
  const model = new CharacterModel(CONTEXT_LENGTH);
  let runs = 0;
  const activations = model.activations.bind(model);
  model.activations = (...given) => {
    runs += given[1].length;
    return activations(...given);
  };
  return { inspected: { model, ...identityDictionary(name, scale) }, sequencesRun: () => runs };
}

describe('reading segments', () => {
  it('gives what an inspection of the whole text gives, for the segment alone', async () => {
    const { inspected } = inspectedWith(0.5);
    const whole = await inspectText('abcab', inspected, { features: [], top: 10 }, unwatched);
    const [reading] = await new SegmentReader().read([{ context: 'ab', text: 'cab' }], inspected, unwatched);
    expect([...reading!.spans]).toEqual([0, 1, 1, 2, 2, 3]);
    const expected = whole.tokens.slice(3);
    expect([...reading!.errors]).toEqual(expected.map(({ reconstructionError }) => reconstructionError));
    const strongest = tokenMeasure({ kind: 'strongest' }, inspected.dictionary, [])(reading!, null);
    expect([...strongest]).toEqual(expected.map(({ features }) => features[0]!.activation));
  });

  it('reads a segment longer than the model takes at once', async () => {
    const { inspected } = inspectedWith(0.5);
    const text = 'abc'.repeat(20);
    const [reading] = await new SegmentReader().read([{ context: '', text }], inspected, unwatched);
    const whole = await inspectText(text, inspected, { features: [], top: 1 }, unwatched);
    expect([...reading!.errors]).toEqual(whole.tokens.slice(1).map(({ reconstructionError }) => reconstructionError));
  });

  it('runs the model once for a segment, however often and with whatever measure it is asked for', async () => {
    const { inspected, sequencesRun } = inspectedWith(0.5);
    const reader = new SegmentReader();
    const segments = ['abc', 'cab', 'abc'].map((text) => ({ context: '', text }));
    const [first, , third] = await reader.read(segments, inspected, unwatched);
    expect(sequencesRun()).toBe(2);
    expect(third).toBe(first);
    await reader.read([...segments, { context: 'a', text: 'abc' }], inspected, unwatched);
    expect(sequencesRun()).toBe(3);
  });

  it('tells a segment from one whose context ends where its text begins', async () => {
    const { inspected, sequencesRun } = inspectedWith(0.5);
    const reader = new SegmentReader();
    const [one] = await reader.read([{ context: 'ab', text: 'c' }], inspected, unwatched);
    const [other] = await reader.read([{ context: 'a', text: 'bc' }], inspected, unwatched);
    expect(sequencesRun()).toBe(2);
    expect([one!.spans.length, other!.spans.length]).toEqual([2, 4]);
  });
});

describe('the measure of a token', () => {
  const { inspected } = inspectedWith(0.5);
  const counted = {
    ...inspected.dictionary,
    densities: { shares: Float32Array.of(0.5, 0.0005, 0.5, 0.001), tokens: 1000 },
  };
  async function measured(measure: Measure, text = 'abc', hidden: number[] = [], dictionary = counted) {
    const [reading] = await new SegmentReader().read([{ context: '', text }], inspected, unwatched);
    return [...tokenMeasure(measure, dictionary, hidden)(reading!, null)];
  }

  it('sums the features asked for', async () => {
    const [one, other] = [
      await measured({ kind: 'features', features: [1] }),
      await measured({ kind: 'features', features: [3] }),
    ];
    expect(await measured({ kind: 'features', features: [1, 3] })).toEqual(one.map((value, i) => value + other[i]!));
    expect(one.some((value) => value > 0)).toBe(true);
    await expect(measured({ kind: 'features', features: [4] })).rejects.toThrow(/0 to 3/);
  });

  it('sums rare features, hidden ones left out', async () => {
    const rare = { kind: 'rare', maximumDensity: 0.001 } as const;
    expect(await measured(rare)).toEqual(await measured({ kind: 'features', features: [1, 3] }));
    expect(await measured(rare, 'abc', [3])).toEqual(await measured({ kind: 'features', features: [1] }));
    await expect(measured(rare, 'abc', [], inspected.dictionary as typeof counted)).rejects.toThrow(/how often/);
  });

  it('is above 0 for a difference where the dictionary reconstructs better than its baseline', async () => {
    const [worse, better] = [inspectedWith(0.5).inspected, inspectedWith(0.9).inspected];
    const [own] = await new SegmentReader().read([{ context: '', text: 'abc' }], better, unwatched);
    const [other] = await new SegmentReader().read([{ context: '', text: 'abc' }], worse, unwatched);
    const difference = tokenMeasure({ kind: 'difference', baseline: 'worse' }, better.dictionary, [])(own!, other!);
    expect([...difference].every((value) => value > 0)).toBe(true);
    expect(difference[0]).toBeCloseTo(other!.errors[0]! - own!.errors[0]!, 6);
  });
});
