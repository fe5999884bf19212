import type { ReadTokenResult, TokenFeature, TokenReading } from '../../server/protocol/token-readings.ts';
import { visible } from '../../server/text/visible.ts';
import { literalMarkdown } from './literal-markdown.ts';

/** Words of the hover, translated by the caller. */
export interface HoverWords {
  readonly feature: string;
  readonly activation: string;
  readonly label: string;
  readonly firesOn: string;
  readonly error: string;
  readonly more: (count: number) => string;
  readonly open: string;
  readonly hide: string;
  readonly seed: string;
}

/** Links that the hover offers; each gives a `command:` URI. */
export interface HoverLinks {
  readonly open: (dictionary: string, feature: number) => string;
  readonly hide: (feature: number) => string;
  readonly seed: string;
}

const BAR_CELLS = 12;

/** Drawn by a background rather than by block characters, which not every font has. */
function bar(activation: number, maximum: number): string {
  const cells = Math.max(1, Math.round((activation / maximum) * BAR_CELLS));
  return `<span style="background-color:var(--vscode-charts-orange);">${'&nbsp;'.repeat(cells)}</span>`;
}

function threeDigits(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 });
}

/** A share of tokens as people say it: "1 in 2,300". */
function oneIn(density: number): string {
  return density === 0 ? '0' : `1 : ${Math.round(1 / density).toLocaleString('en-US')}`;
}

function row(feature: TokenFeature, maximum: number, dictionary: string, words: HoverWords, links: HoverLinks): string {
  const { feature: index, activation, label, density } = feature;
  const name = `[${index}](${links.open(dictionary, index)} "${words.open}")`;
  const hide = `[$(eye-closed)](${links.hide(index)} "${words.hide}")`;
  return `| ${name} | ${activation.toFixed(3)} | ${bar(activation, maximum)} | ${label === null ? '' : literalMarkdown(label)} | ${density === null ? '' : oneIn(density)} | ${hide} |`;
}

function table(reading: TokenReading, words: HoverWords, links: HoverLinks): string {
  const maximum = reading.features[0]?.activation ?? 0;
  const rows = reading.features.map((feature) => row(feature, maximum, reading.dictionary, words, links));
  const rest = reading.firing - reading.features.length;
  return [
    `**${literalMarkdown(reading.dictionary)}** · ${words.error}: ${threeDigits(reading.reconstructionError)}`,
    '',
    `| ${words.feature} | ${words.activation} | | ${words.label} | ${words.firesOn} | |`,
    '|--:|--:|:--|:--|--:|:-:|',
    ...rows,
    ...(rest > 0 ? ['', words.more(rest)] : []),
  ].join('\n');
}

/** A hover's Markdown: the token, then what each dictionary says of it, then what can be done. */
export function tokenMarkdown(token: ReadTokenResult, words: HoverWords, links: HoverLinks): string {
  const readings = [token.reading, ...(token.baseline === null ? [] : [token.baseline])];
  return [
    `\`${visible(token.text).replaceAll('`', "'") || ' '}\` — [${words.seed}](${links.seed})`,
    ...readings.map((reading) => table(reading, words, links)),
  ].join('\n\n');
}
