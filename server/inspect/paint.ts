/**
 * Cividis at 0, ¼, ½, ¾, 1: even steps of lightness, the same for all kinds of colour vision.
 * Nuñez, Anderton, Renslow 2018, doi:10.1371/journal.pone.0199239
 */
const CIVIDIS = [
  [0, 34, 78],
  [66, 78, 108],
  [125, 124, 120],
  [188, 174, 108],
  [254, 232, 56],
] as const;

export type Rgb = readonly [red: number, green: number, blue: number];

/** Colour of an intensity, channels 0 to 255. */
export function cividis(value: number): Rgb {
  const place = Math.min(1, Math.max(0, value)) * (CIVIDIS.length - 1);
  const below = Math.min(CIVIDIS.length - 2, Math.floor(place));
  const mix = (channel: 0 | 1 | 2): number =>
    Math.round(CIVIDIS[below]![channel] + (place - below) * (CIVIDIS[below + 1]![channel] - CIVIDIS[below]![channel]));
  return [mix(0), mix(1), mix(2)];
}

/** Relative luminance (WCAG 2.2), 0 black to 1 white. */
function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Black or white, whichever is read better on the colour: contrast at least 4.5 (WCAG AA) with either. */
export function textColourOn(colour: Rgb): Rgb {
  return luminance(colour) > 0.179 ? [0, 0, 0] : [255, 255, 255];
}
