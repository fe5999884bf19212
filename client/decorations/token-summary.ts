import type { InspectedToken } from '../../server/protocol/results.ts';

/** Words that a hover needs, translated by the caller. */
export interface SummaryWords {
  readonly feature: string;
  readonly activation: string;
  readonly loss: string;
}

const BAR_CELLS = 8;

/** Text from a file or a dictionary, to be shown literally inside a Markdown table. */
export function literalMarkdown(text: string): string {
  return text.replace(/[\r\n\t]+/g, ' ').replace(/[\\`*_{}[\]()#+\-.!|<>~$&]/g, '\\$&');
}

function bar(activation: number, maximum: number): string {
  const cells = maximum > 0 ? Math.max(1, Math.round((activation / maximum) * BAR_CELLS)) : 0;
  return '█'.repeat(cells);
}

/** A hover's Markdown: the token, its top features with value, label and bar, and its loss in nats. */
export function summarizeToken(token: InspectedToken, words: SummaryWords): string {
  const maximum = token.features[0]?.activation ?? 0;
  const rows = token.features.map(
    ({ feature, activation, label }) =>
      `| ${feature} | ${activation.toFixed(3)} | ${bar(activation, maximum)} | ${label === null ? '' : literalMarkdown(label)} |`,
  );
  const table = [`| ${words.feature} | ${words.activation} | | |`, '|--:|--:|:--|:--|', ...rows].join('\n');
  const loss = token.loss === null ? '' : `\n\n${words.loss}: ${token.loss.toFixed(2)}`;
  return `**${literalMarkdown(token.text)}**\n\n${table}${loss}`;
}
