import { cividis, textColourOn } from '../inspect/paint.ts';
import { intensity } from '../text/intensity.ts';
import { figure } from './figures.ts';
import type { Terminal } from './terminal.ts';

const LEGEND_CELLS = 10;

export interface ActiveToken {
  /** UTF-16 offsets into the text. */
  readonly start: number;
  readonly end: number;
  readonly activation: number;
}

/** Text on a background that stands out the more, the stronger: lighter on a dark terminal, darker on a light one. */
function paint(terminal: Terminal, strength: number, text: string): string {
  const colour = cividis(terminal.background === 'dark' ? strength : 1 - strength);
  return terminal.chalk.rgb(...textColourOn(colour)).bgRgb(...colour)(text);
}

/** Control characters could drive the terminal; their pictures (from U+2400) cannot. Line ends and tabs stay. */
function harmless(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/\p{Cc}/gu, (control) =>
      control === '\n' || control === '\t' ? control : String.fromCharCode(0x2400 + (control.charCodeAt(0) & 0x3f)),
    );
}

/** The text with each token's background by its activation. @param maximum the scale's end: the strongest of them where not given */
export function paintTokens(
  terminal: Terminal,
  text: string,
  tokens: readonly ActiveToken[],
  maximum = strongestOf(tokens),
): string {
  return tokens
    .map(({ start, end, activation }) => {
      const piece = harmless(text.slice(start, end));
      const strength = intensity(activation, { maximum, kind: 'linear' });
      // A painted line end would colour the rest of the terminal's line.
      return strength === 0 ? piece : piece.replace(/[^\n]+/g, (part) => paint(terminal, strength, part));
    })
    .join('');
}

export function strongestOf(tokens: readonly ActiveToken[]): number {
  return tokens.reduce((strongest, { activation }) => Math.max(strongest, activation), 0);
}

/** What the colours mean: "activation 0 ▒▒▒▒ 12.3". */
export function legend(terminal: Terminal, strongest: number): string {
  const cells = Array.from({ length: LEGEND_CELLS }, (_, i) => paint(terminal, (i + 1) / LEGEND_CELLS, ' '));
  return `activation 0 ${cells.join('')} ${figure(strongest)}`;
}
