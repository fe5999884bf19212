import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InspectedToken } from '../../server/protocol/results.ts';
import { INTENSITIES, paintTokens } from './intensity.ts';

function token(index: number, activations: readonly number[], text = 'ab'): InspectedToken {
  const features = activations.map((activation, feature) => ({ feature, activation, label: null }));
  const start = index * 2;
  return { index, text, start, end: start + text.length, loss: null, reconstructionError: 0, features };
}

describe('paint of tokens', () => {
  it('is strongest where the strongest feature of the text fires', () => {
    const painted = paintTokens([token(0, [1, 4]), token(1, [100]), token(2, [25])]);
    expect(painted.map(({ intensity }) => intensity)).toEqual([1, INTENSITIES, 3]);
  });

  it('leaves out tokens where nothing fires and tokens that stand for no text', () => {
    expect(paintTokens([token(0, []), token(1, [3], ''), token(2, [3])]).map(({ start }) => start)).toEqual([4]);
    expect(paintTokens([token(0, []), token(1, [0])])).toEqual([]);
  });

  it('keeps the order of activations and stays within the steps', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), { minLength: 1 }), (activations) => {
        const painted = paintTokens(activations.map((activation, index) => token(index, [activation])));
        expect(painted).toHaveLength(activations.length);
        const ordered = painted.map((each, index) => ({ ...each, activation: activations[index]! }));
        ordered.sort((a, b) => a.activation - b.activation);
        const steps = ordered.map(({ intensity }) => intensity);
        expect(steps).toEqual([...steps].sort((a, b) => a - b));
        expect(Math.min(...steps)).toBeGreaterThanOrEqual(1);
        expect(Math.max(...steps)).toBe(INTENSITIES);
      }),
    );
  });
});
