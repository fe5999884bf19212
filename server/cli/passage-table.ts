import type { ShownPassage } from '../protocol/corpus-pages.ts';
import { count, figure } from './figures.ts';
import { table } from './table.ts';
import { oneLine, type Terminal } from './terminal.ts';

/** Passages as a table, numbered from `offset` + 1; with scores where they have them. */
export function passageTable(terminal: Terminal, passages: readonly ShownPassage[], offset: number): string {
  const isScored = passages.some(({ score }) => score !== null);
  return table(
    terminal,
    [
      { title: '#', kind: 'number' },
      ...(isScored ? ([{ title: 'score', kind: 'number' }] as const) : []),
      { title: 'tokens', kind: 'number' },
      { title: 'id', kind: 'name' },
      { title: 'source', kind: 'snippet' },
      { title: 'text', kind: 'snippet' },
    ],
    passages.map(({ score, tokens, id, source, line, text }, i) => [
      count(offset + i + 1),
      ...(isScored ? [figure(score)] : []),
      count(tokens),
      id,
      line === null ? source : `${source}:${line}`,
      oneLine(text),
    ]),
  );
}
