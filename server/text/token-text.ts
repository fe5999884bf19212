/** What a hover says about a token, as plain text in columns: the same in a terminal and in a window. */

export interface ShownFeature {
  readonly feature: number;
  readonly activation: number;
  readonly label: string | null;
  /** Share of tokens it fires on; null where nobody counted. */
  readonly density: number | null;
}

export interface ShownReading {
  readonly dictionary: string;
  /** ‖x − x̂‖² */
  readonly reconstructionError: number;
  /** Features that fire on the token; `features` holds the strongest of them. */
  readonly firing: number;
  readonly features: readonly ShownFeature[];
}

export interface ShownToken {
  readonly text: string;
  readonly reading: ShownReading;
  /** The same token read by another dictionary. */
  readonly baseline: ShownReading | null;
}

const BAR_CELLS = 8;
const MAX_LABEL_LENGTH = 80;

/** A label on one line, cut where it is too long. */
export function shortLabel(label: string, length: number): string {
  const line = label.replace(/\s+/g, ' ').trim();
  const graphemes = Array.from(new Intl.Segmenter().segment(line), ({ segment }) => segment);
  return graphemes.length <= length ? line : `${graphemes.slice(0, length - 1).join('')}…`;
}

/** A share as per cent with two significant digits: `0.031 %`. */
export function percentText(share: number): string {
  return `${share === 0 ? '0' : Number((100 * share).toPrecision(2))} %`;
}

/** `#12 gluons 4.2`: a feature in a few characters. */
export function featureText({ feature, label, activation }: ShownFeature, labelLength: number): string {
  const words = label === null ? '' : ` ${shortLabel(label, labelLength)}`;
  return `#${feature}${words} ${activationText(activation)}`;
}

function activationText(activation: number): string {
  return Math.abs(activation) >= 100 ? activation.toFixed(0) : activation.toPrecision(2);
}

function bar(activation: number, maximum: number): string {
  const cells = maximum > 0 ? Math.max(1, Math.round((activation / maximum) * BAR_CELLS)) : 0;
  return '█'.repeat(cells).padEnd(BAR_CELLS, ' ');
}

function featureLines(features: readonly ShownFeature[]): string[] {
  const maximum = features.reduce((most, { activation }) => Math.max(most, activation), 0);
  const rows = features.map(({ feature, activation, label, density }) => [
    `#${feature}`,
    activationText(activation),
    bar(activation, maximum),
    density === null ? '' : percentText(density),
    label === null ? '' : shortLabel(label, MAX_LABEL_LENGTH),
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)));
  return rows.map(([feature, activation, cells, density, label]) =>
    [feature!.padEnd(widths[0]!), activation!.padStart(widths[1]!), cells, density!.padStart(widths[3]!), label]
      .join('  ')
      .trimEnd(),
  );
}

function readingLines({ dictionary, firing, features, reconstructionError }: ShownReading): string[] {
  const count = firing === 0 ? 'no feature fires' : `${firing} ${firing === 1 ? 'feature fires' : 'features fire'}`;
  return [`${dictionary}: ${count}, error ‖x − x̂‖² ${reconstructionError.toPrecision(3)}`, ...featureLines(features)];
}

/** The token, each dictionary's strongest features with activation, bar, density and label, and its reconstruction error. */
export function tokenText({ text, reading, baseline }: ShownToken): string {
  const readings = baseline === null ? [reading] : [reading, baseline];
  return [JSON.stringify(text), ...readings.flatMap(readingLines)].join('\n');
}

/** Markdown that shows a text literally, whatever is in it: a fence longer than any run of backticks inside. */
export function fenced(text: string): string {
  const longest = (text.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 2);
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}
