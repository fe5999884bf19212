import { describe, expect, it } from 'vitest';
import type { ReadTokenResult } from '../../server/protocol/token-readings.ts';
import { literalMarkdown } from './literal-markdown.ts';
import { tokenMarkdown, type HoverWords } from './token-markdown.ts';

const words: HoverWords = {
  ...{ feature: 'Feature', activation: 'Activation', label: 'Label', firesOn: 'Fires on', error: 'Error' },
  ...{ more: (count) => `${count} more`, open: 'Open', hide: 'Hide', seed: 'Seed' },
};
const links = {
  open: (dictionary: string, feature: number) => `command:open?${dictionary}/${feature}`,
  hide: (feature: number) => `command:hide?${feature}`,
  seed: 'command:seed',
};
const features = [
  { feature: 12, activation: 4, label: 'gluons', density: 0.0004 },
  { feature: 7, activation: 1, label: null, density: null },
];
const token: ReadTokenResult = {
  ...{ text: ' quark', start: 0, end: 6, baseline: null },
  reading: { dictionary: 'gsae', reconstructionError: 1.2345, firing: 5, features },
};

const bar = (cells: number): string =>
  `<span style="background-color:var(--vscode-charts-orange);">${'&nbsp;'.repeat(cells)}</span>`;

describe('the hover of a token', () => {
  it('lists its features with links, value, bar, label and how rare they are, and says how many more fire', () => {
    expect(tokenMarkdown(token, words, links).split('\n')).toEqual([
      '`·quark` — [Seed](command:seed)',
      '',
      '**gsae** · Error: 1.23',
      '',
      '| Feature | Activation | | Label | Fires on | |',
      '|--:|--:|:--|:--|--:|:-:|',
      `| [12](command:open?gsae/12 "Open") | 4.000 | ${bar(12)} | gluons | 1 : 2,500 | [$(eye-closed)](command:hide?12 "Hide") |`,
      `| [7](command:open?gsae/7 "Open") | 1.000 | ${bar(3)} |  |  | [$(eye-closed)](command:hide?7 "Hide") |`,
      '',
      '3 more',
    ]);
  });

  it('shows both dictionaries where two are compared', () => {
    const both = { ...token, baseline: { ...token.reading, dictionary: 'general', features: [] } };
    expect(tokenMarkdown(both, words, links)).toMatch(/\*\*gsae\*\*[\s\S]*\*\*general\*\*/);
  });

  it('shows what a file says literally: no links, commands, HTML or table cells of its own', () => {
    expect(literalMarkdown('[x](command:evil) <b>|\n`')).toBe('\\[x\\]\\(command:evil\\) \\<b\\>\\| \\`');
    const hostile = { ...token, text: '`[x](command:evil)\n' };
    expect(tokenMarkdown(hostile, words, links).split('\n')[0]).toBe("`'[x](command:evil)¶` — [Seed](command:seed)");
  });
});
