import * as vscode from 'vscode';
import type { BrowseCorpusResult, SelectionResult, ShownPassage } from '../../server/protocol/corpus-pages.ts';
import { onSettingChange, setting } from '../settings.ts';
import type { PassageDocuments } from './passage-documents.ts';
import { sourceText, type Page } from './passage-page.ts';
import { PAGE_PASSAGES, SCHEME } from './passage-uri.ts';
import type { SelectionVerdicts } from './selection-verdicts.ts';
import { verdictOn } from './verdicts.ts';

function lens(line: number, title: string, command: string, ...args: unknown[]): vscode.CodeLens {
  return new vscode.CodeLens(new vscode.Range(line, 0, line, 0), { title, command, arguments: args });
}

/** Lenses of documents of passages: what to do with a passage above it, what to do with all at the top. */
export class PassageLenses implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #documents: PassageDocuments;
  readonly #verdicts: SelectionVerdicts;
  readonly #changes = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable;
  readonly onDidChangeCodeLenses = this.#changes.event;

  constructor(documents: PassageDocuments, verdicts: SelectionVerdicts) {
    this.#documents = documents;
    this.#verdicts = verdicts;
    const changed = (): void => {
      this.#changes.fire();
    };
    this.#subscriptions = vscode.Disposable.from(
      vscode.languages.registerCodeLensProvider({ scheme: SCHEME }, this),
      documents.onDidLoad(changed),
      verdicts.onDidChange(changed),
      onSettingChange(['codeLens.enabled'], changed),
    );
  }

  provideCodeLenses({ uri }: vscode.TextDocument): vscode.CodeLens[] {
    const page = setting('codeLens.enabled') ? this.#documents.pageOf(uri) : null;
    if (page === null) return [];
    return [...this.#top(page), ...page.passages.flatMap((passage, i) => this.#passage(page, passage, i))];
  }

  #top(page: Page): vscode.CodeLens[] {
    switch (page.kind) {
      case 'corpus':
        return corpusTop(page.result);
      case 'selection':
        return this.#selectionTop(page.selection);
      case 'comparison':
        return [];
    }
  }

  #selectionTop(selection: SelectionResult): vscode.CodeLens[] {
    const { name } = selection;
    const changes = this.#verdicts.changesOf(selection);
    const { struck } = this.#verdicts.of(selection);
    const apply = vscode.l10n.t('$(sync) Apply {0} changes: retrieve again', changes);
    return [
      ...(changes === 0 ? [] : [lens(0, apply, 'ssae.applyVerdicts', { selection: name })]),
      ...(struck.length === 0
        ? []
        : [lens(0, vscode.l10n.t('Restore {0} struck', struck.length), 'ssae.restoreStruck', { selection: name })]),
      lens(0, vscode.l10n.t('Finetune on This…'), 'ssae.finetune', { selection: name }),
      lens(0, vscode.l10n.t('Compare with…'), 'ssae.compareSelections', { selection: name }),
    ];
  }

  #passage(page: Page, passage: ShownPassage, index: number): vscode.CodeLens[] {
    const { first } = page.layout.passages[index]!;
    const source = vscode.l10n.t('$(go-to-file) Open Source · {0}', sourceText(passage));
    const place = [
      lens(first, page.kind === 'corpus' ? source : vscode.l10n.t('Open Source'), 'ssae.openPassageSource', passage),
      lens(first, vscode.l10n.t('Add as Seed'), 'ssae.addPassageAsSeed', passage),
    ];
    if (page.kind !== 'selection') return place;
    const { name } = page.selection;
    const verdict = verdictOn(this.#verdicts.of(page.selection), passage.id);
    const target = { selection: name, id: passage.id };
    return [
      lens(first, pinTitle(verdict === 'pinned'), 'ssae.pinPassage', target),
      lens(first, strikeTitle(verdict === 'struck'), 'ssae.strikePassage', target),
      ...place,
    ];
  }

  dispose(): void {
    this.#subscriptions.dispose();
    this.#changes.dispose();
  }
}

function pinTitle(isPinned: boolean): string {
  return isPinned ? vscode.l10n.t('$(pinned) Unpin') : vscode.l10n.t('$(pin) Pin');
}

function strikeTitle(isStruck: boolean): string {
  return isStruck ? vscode.l10n.t('$(discard) Restore') : vscode.l10n.t('$(close) Strike');
}

function corpusTop({ query, offset, passages, total, corpus }: BrowseCorpusResult): vscode.CodeLens[] {
  return [
    ...(offset === 0 ? [] : [lens(0, vscode.l10n.t('$(arrow-left) Previous Page'), 'ssae.previousPage')]),
    ...(offset + Math.min(passages.length, PAGE_PASSAGES) >= total
      ? []
      : [lens(0, vscode.l10n.t('$(arrow-right) Next Page'), 'ssae.nextPage')]),
    lens(0, vscode.l10n.t('$(search) Search…'), 'ssae.searchCorpus', { corpus, query }),
    ...(query === null ? [] : [lens(0, vscode.l10n.t('All Passages'), 'ssae.browseCorpus', { corpus })]),
  ];
}
