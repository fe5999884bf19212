import type { Theme } from './theme.ts';

/** How one dictionary or run is drawn in every plot: told apart by colour and by dashes. */
export interface SeriesStyle {
  readonly colour: Readonly<Record<Theme, string>>;
  /** Lengths of line and gap, CSS pixels; empty for a solid line. */
  readonly dash: readonly number[];
}

/**
 * Okabe & Ito 2008, "Color Universal Design": told apart with every kind of colour vision. The light ones are darkened on white,
 * the dark ones lightened on black, so that each line has a contrast of at least 3 (WCAG 2.2, 1.4.11).
 */
const STYLES: readonly SeriesStyle[] = [
  { colour: { light: '#0072b2', dark: '#56b4e9' }, dash: [] },
  { colour: { light: '#d55e00', dark: '#e69f00' }, dash: [] },
  { colour: { light: '#00805e', dark: '#00b888' }, dash: [8, 4] },
  { colour: { light: '#b3558a', dark: '#cc79a7' }, dash: [2, 3] },
  { colour: { light: '#1a1a1a', dark: '#f0e442' }, dash: [10, 3, 2, 3] },
  { colour: { light: '#a06f00', dark: '#f5e9c8' }, dash: [5, 2] },
];

export type SeriesStyles = ReadonlyMap<string, SeriesStyle>;

/** The same name looks the same everywhere. */
export function seriesStyles(names: Iterable<string>): SeriesStyles {
  return new Map([...new Set(names)].map((name, index) => [name, STYLES[index % STYLES.length]!]));
}

export function styleOf(styles: SeriesStyles, name: string): SeriesStyle {
  return styles.get(name) ?? STYLES[0]!;
}
