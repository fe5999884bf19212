import * as vscode from 'vscode';
import type { BrowseCorpusResult, SelectionResult, ShownPassage } from '../../server/protocol/corpus-pages.ts';
import { compareSelections } from './comparison.ts';
import { layOut, type Block, type Layout } from './passage-layout.ts';

/** A document of passages: its text, and which passage stands on which lines. */
export type Page = {
  readonly layout: Layout;
  /** In the order of `layout.passages`. */
  readonly passages: readonly ShownPassage[];
} & (
  | { readonly kind: 'corpus'; readonly result: BrowseCorpusResult }
  | { readonly kind: 'selection'; readonly selection: SelectionResult }
  | { readonly kind: 'comparison' }
);

/** Passages of a selection that a document shows; more of them are in the selection itself. */
const MAX_SHOWN = 5000;
const SEPARATOR = ' · ';

export function counted(value: number): string {
  return value.toLocaleString(vscode.env.language);
}

/** "notes.md:12", below the workspace folder where it lies in one. */
export function sourceText({ source, line }: Pick<ShownPassage, 'source' | 'line'>): string {
  const path = /^(npm|seeds):/.test(source) ? source : vscode.workspace.asRelativePath(source);
  return line === null ? path : `${path}:${line}`;
}

function percentText(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function scoreText(score: number | null): string {
  return vscode.l10n.t('score {0}', score === null ? '–' : String(Number(score.toPrecision(4))));
}

function rankedBlock(passage: ShownPassage, rank: number): Block {
  const { score, tokens, text } = passage;
  const head = [`#${rank}`, scoreText(score), vscode.l10n.t('{0} tokens', tokens), sourceText(passage)];
  return { kind: 'passage', head: head.join(SEPARATOR), text };
}

export function corpusPage(result: BrowseCorpusResult): Page {
  const { corpus, query, offset, total, capped, passages } = result;
  const [first, last] = [counted(Math.min(offset + 1, total)), counted(offset + passages.length)];
  const all = capped ? `${counted(total)}+` : counted(total);
  const header =
    query === null
      ? vscode.l10n.t('{0} · passages {1}–{2} of {3}', corpus, first, last, all)
      : vscode.l10n.t('{0} · passages {1}–{2} of {3} for "{4}"', corpus, first, last, all, query);
  const layout = layOut(
    [passages.length === 0 ? nothingFound(result) : header],
    passages.map(({ text }) => ({ kind: 'passage', head: null, text })),
  );
  return { kind: 'corpus', layout, passages, result };
}

function nothingFound({ corpus, query }: BrowseCorpusResult): string {
  return query === null
    ? vscode.l10n.t('{0} · no passages here', corpus)
    : vscode.l10n.t('{0} · no passage has a word of "{1}"', corpus, query);
}

function selectionHeader(selection: SelectionResult): string[] {
  const { name, arm, corpus, seeds, tokens, budget, passages, dictionary, overlapDropped, pinned, struck } = selection;
  const figures = [
    vscode.l10n.t('{0} passages', counted(passages)),
    vscode.l10n.t('{0} of {1} tokens', counted(tokens), counted(budget)),
    vscode.l10n.t('{0} dropped as overlapping', counted(overlapDropped)),
    ...(pinned.length === 0 ? [] : [vscode.l10n.t('{0} pinned', pinned.length)]),
    ...(struck.length === 0 ? [] : [vscode.l10n.t('{0} struck', struck.length)]),
  ];
  const origin = [
    name,
    ...(dictionary === null ? [arm] : [vscode.l10n.t('{0} by {1}', arm, dictionary)]),
    vscode.l10n.t('corpus {0}', corpus),
    vscode.l10n.t('seeds {0}', vscode.workspace.asRelativePath(seeds)),
  ];
  return [
    origin.join(SEPARATOR),
    figures.join(SEPARATOR),
    ...(selection.note === null ? [] : [selection.note]),
    ...(selection.hits.length > MAX_SHOWN
      ? [vscode.l10n.t('The first {0} passages are shown.', counted(MAX_SHOWN))]
      : []),
  ];
}

export function selectionPage(selection: SelectionResult): Page {
  const passages = selection.hits.slice(0, MAX_SHOWN);
  const blocks = passages.map((passage, i) => rankedBlock(passage, i + 1));
  return { kind: 'selection', layout: layOut(selectionHeader(selection), blocks), passages, selection };
}

/** The passages of one selection, those that the other has too first. */
export function comparisonPage(one: SelectionResult, other: SelectionResult): Page {
  const { both, only, missing, overlap, tokenShare } = compareSelections(one, other);
  const ranks = new Map(one.hits.map((passage, i) => [passage, i + 1]));
  const [shownBoth, shownOnly] = [both.slice(0, MAX_SHOWN), only.slice(0, MAX_SHOWN)];
  const blockOf = (passage: ShownPassage): Block => rankedBlock(passage, ranks.get(passage)!);
  const header = [
    vscode.l10n.t('{0} ({1}) compared with {2} ({3})', one.name, one.arm, other.name, other.arm),
    vscode.l10n.t(
      'In both: {0} · only here: {1} · only in {2}: {3} · overlap {4} of all passages, {5} of the tokens here',
      ...[counted(both.length), counted(only.length), other.name, counted(missing)],
      ...[percentText(overlap), percentText(tokenShare)],
    ),
  ];
  const blocks: Block[] = [
    { kind: 'heading', text: vscode.l10n.t('In both ({0})', counted(both.length)) },
    ...shownBoth.map(blockOf),
    { kind: 'heading', text: vscode.l10n.t('Only here ({0})', counted(only.length)) },
    ...shownOnly.map(blockOf),
  ];
  return { kind: 'comparison', layout: layOut(header, blocks), passages: [...shownBoth, ...shownOnly] };
}
