import { describe, expect, it } from 'vitest';
import { cividis, textColourOn, type Rgb } from './paint.ts';

describe('colours', () => {
  it('get lighter with intensity, so that they can be told apart without hue', () => {
    const lightness = ([red, green, blue]: Rgb): number => 0.299 * red + 0.587 * green + 0.114 * blue;
    const steps = Array.from({ length: 21 }, (_, i) => lightness(cividis(i / 20)));
    for (let i = 1; i < steps.length; i++) expect(steps[i]).toBeGreaterThan(steps[i - 1]!);
  });

  it('carry text in the colour that contrasts', () => {
    expect(textColourOn(cividis(0))).toEqual([255, 255, 255]);
    expect(textColourOn(cividis(1))).toEqual([0, 0, 0]);
  });
});
