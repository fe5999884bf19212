import * as vscode from 'vscode';
import { evaluationPage } from '../evaluation/evaluation-page.ts';
import type { Studio } from '../studio.ts';
import { passageAt } from './passage-layout.ts';
import { comparisonPage, corpusPage, selectionPage, type Page } from './passage-page.ts';
import { addressOf, PAGE_PASSAGES, SCHEME, shownAt, type Shown } from './passage-uri.ts';
import type { ShownPassage } from '../../server/protocol/corpus-pages.ts';

type Content = { readonly kind: 'page'; readonly page: Page } | { readonly kind: 'text'; readonly text: string };

/** Read-only documents over the daemon's corpora, selections and evaluations, each made from its address alone. */
export class PassageDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #studio: Studio;
  readonly #pages = new Map<string, Page>();
  readonly #stale = new vscode.EventEmitter<vscode.Uri>();
  readonly #loaded = new vscode.EventEmitter<vscode.Uri>();
  readonly #subscriptions: vscode.Disposable;
  readonly onDidChange = this.#stale.event;
  /** The passages of a document are known. Its text may reach the editor a moment later. */
  readonly onDidLoad = this.#loaded.event;

  constructor(studio: Studio) {
    this.#studio = studio;
    this.#subscriptions = vscode.Disposable.from(
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.#pages.delete(uri.toString())),
    );
  }

  async provideTextDocumentContent(uri: vscode.Uri, token: vscode.CancellationToken): Promise<string> {
    const shown = shownAt(uri);
    if (shown === null) throw new Error(vscode.l10n.t('{0} shows nothing that is stored.', uri.toString()));
    const content = await this.#load(shown, token);
    if (content.kind === 'text') return content.text;
    this.#pages.set(uri.toString(), content.page);
    this.#loaded.fire(uri);
    return content.page.layout.text;
  }

  pageOf(uri: vscode.Uri): Page | null {
    return this.#pages.get(uri.toString()) ?? null;
  }

  /** The passage that a line of a document belongs to. */
  passageAt(uri: vscode.Uri, line: number): ShownPassage | null {
    const page = this.pageOf(uri);
    const index = page === null ? null : passageAt(page.layout, line);
    return index === null ? null : (page?.passages[index] ?? null);
  }

  async open(shown: Shown, options: vscode.TextDocumentShowOptions = {}): Promise<vscode.TextEditor> {
    const document = await vscode.workspace.openTextDocument(vscode.Uri.from(addressOf(shown)));
    return vscode.window.showTextDocument(document, options);
  }

  /** Makes every open document anew that shows a selection of this name. */
  refreshSelection(name: string): void {
    for (const { uri } of vscode.workspace.textDocuments) {
      const shown = shownAt(uri);
      const names = shown?.kind === 'selection' || shown?.kind === 'comparison' ? [shown.selection] : [];
      if (shown?.kind === 'comparison') names.push(shown.against);
      if (names.includes(name)) this.#stale.fire(uri);
    }
  }

  async #load(shown: Shown, token: vscode.CancellationToken): Promise<Content> {
    const { link, jobs } = this.#studio;
    const { BrowseCorpus, ShowSelection } = await import('../../server/protocol/messages.ts');
    switch (shown.kind) {
      case 'corpus': {
        const { corpus, query, page } = shown;
        const offset = (page - 1) * PAGE_PASSAGES;
        const result = await link.request(BrowseCorpus, { corpus, query, offset, limit: PAGE_PASSAGES }, token);
        return { kind: 'page', page: corpusPage(result) };
      }
      case 'selection':
        return {
          kind: 'page',
          page: selectionPage(await link.request(ShowSelection, { name: shown.selection }, token)),
        };
      case 'comparison': {
        const [one, other] = await Promise.all([
          link.request(ShowSelection, { name: shown.selection }, token),
          link.request(ShowSelection, { name: shown.against }, token),
        ]);
        return { kind: 'page', page: comparisonPage(one, other) };
      }
      case 'evaluation':
        return { kind: 'text', text: evaluationPage(await jobs.show(shown.job)) };
    }
  }

  dispose(): void {
    this.#subscriptions.dispose();
    this.#stale.dispose();
    this.#loaded.dispose();
  }
}
