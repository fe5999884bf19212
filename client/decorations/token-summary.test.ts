import { describe, expect, it } from 'vitest';
import { literalMarkdown, summarizeToken } from './token-summary.ts';

const words = { feature: 'Feature', activation: 'Activation', loss: 'Loss (nats)' };

describe('the hover of a token', () => {
  it('lists its features with value, bar and label, and its loss', () => {
    const features = [
      { feature: 12, activation: 4, label: 'gluons' },
      { feature: 7, activation: 1, label: null },
    ];
    const token = { index: 0, text: ' quark', start: 0, end: 6, loss: 1.234, reconstructionError: 0, features };
    expect(summarizeToken(token, words).split('\n')).toEqual([
      '** quark**',
      '',
      '| Feature | Activation | | |',
      '|--:|--:|:--|:--|',
      '| 12 | 4.000 | ████████ | gluons |',
      '| 7 | 1.000 | ██ |  |',
      '',
      'Loss (nats): 1.23',
    ]);
  });

  it('shows what a file says literally: no links, commands, HTML or table cells of its own', () => {
    expect(literalMarkdown('[x](command:evil) <b>|\n`')).toBe('\\[x\\]\\(command:evil\\) \\<b\\>\\| \\`');
  });
});
