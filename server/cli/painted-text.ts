import { figure } from './figures.ts';
import type { Terminal } from './terminal.ts';

/**
 * Cividis at 0, ¼, ½, ¾, 1: even steps of lightness, the same for all kinds of colour vision.
 * Nuñez, Anderton, Renslow 2018, doi:10.1371/journal.pone.0199239
 */
const SCALE = [
  [0, 34, 78],
  [66, 78, 108],
  [125, 124, 120],
  [188, 174, 108],
  [254, 232, 56],
] as const;
const LEGEND_CELLS = 10;

export interface PaintedToken {
  readonly start: number;
  readonly end: number;
  /** Share of the strongest activation, from 0 (not painted) to 1. */
  readonly strength: number;
}

type Rgb = readonly [red: number, green: number, blue: number];

function colourAt(share: number): Rgb {
  const place = Math.min(1, Math.max(0, share)) * (SCALE.length - 1);
  const below = Math.min(SCALE.length - 2, Math.floor(place));
  const mix = (channel: 0 | 1 | 2): number =>
    Math.round(SCALE[below]![channel] + (place - below) * (SCALE[below + 1]![channel] - SCALE[below]![channel]));
  return [mix(0), mix(1), mix(2)];
}

/** Text on a background that stands out the more, the stronger: lighter on a dark terminal, darker on a light one. */
function paint(terminal: Terminal, strength: number, text: string): string {
  const [red, green, blue] = colourAt(terminal.background === 'dark' ? strength : 1 - strength);
  const isBright = 0.299 * red + 0.587 * green + 0.114 * blue > 120;
  const { chalk } = terminal;
  return (isBright ? chalk.rgb(0, 0, 0) : chalk.rgb(255, 255, 255)).bgRgb(red, green, blue)(text);
}

/** Control characters could drive the terminal; their pictures (U+2400 …) cannot. Line ends and tabs stay. */
function harmless(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/[\u0000-\u0008\u000B-\u001F]/g, (control) => String.fromCharCode(0x2400 + control.charCodeAt(0)))
    .replace(/[\u007F-\u009F]/g, '\u2421');
}

/** The text with each token's background by its strength. Line ends are never painted. */
export function paintTokens(terminal: Terminal, text: string, tokens: readonly PaintedToken[]): string {
  return tokens
    .map(({ start, end, strength }) => {
      const piece = harmless(text.slice(start, end));
      if (strength <= 0) return piece;
      return piece
        .split('\n')
        .map((part) => (part === '' ? '' : paint(terminal, strength, part)))
        .join('\n');
    })
    .join('');
}

/** What the colours mean: "0 ▒▒▒▒ 12.3". */
export function legend(terminal: Terminal, strongest: number): string {
  const cells = Array.from({ length: LEGEND_CELLS }, (_, i) => paint(terminal, (i + 1) / LEGEND_CELLS, ' '));
  return `activation 0 ${cells.join('')} ${figure(strongest)}`;
}
