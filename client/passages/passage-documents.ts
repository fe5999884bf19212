import * as vscode from 'vscode';
import { evaluationPage } from '../evaluation/evaluation-page.ts';
import type { Studio } from '../studio.ts';
import { passageAt } from './passage-layout.ts';
import { comparisonPage, corpusPage, selectionPage, type Page } from './passage-page.ts';
import { addressOf, PAGE_PASSAGES, SCHEME, shownAt, type Shown } from './passage-uri.ts';
import type { ShownPassage } from '../../server/protocol/corpus-pages.ts';

type Content = { readonly kind: 'page'; readonly page: Page } | { readonly kind: 'text'; readonly text: string };

/** Pages that are remembered; more documents than that are hardly open at once. */
const MAX_PAGES = 64;

/**
 * Read-only documents over the daemon's corpora, selections and evaluations, each made from its address alone. They are files of a
 * file system of their own, since an editor brings back files after a reload, and other virtual documents not.
 */
export class PassageDocuments implements vscode.FileSystemProvider, vscode.Disposable {
  readonly #studio: Studio;
  readonly #pages = new Map<string, Page>();
  readonly #stale = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly #started = Date.now();
  /** When documents were made anew, milliseconds since 1970. */
  readonly #changed = new Map<string, number>();
  readonly #loaded = new vscode.EventEmitter<vscode.Uri>();
  readonly #subscriptions: vscode.Disposable;
  readonly onDidChangeFile = this.#stale.event;
  /** The passages of a document are known. Its text may reach the editor a moment later. */
  readonly onDidLoad = this.#loaded.event;

  constructor(studio: Studio) {
    this.#studio = studio;
    this.#subscriptions = vscode.workspace.registerFileSystemProvider(SCHEME, this, {
      ...{ isReadonly: true, isCaseSensitive: true },
    });
  }

  /** The size is told as 0: it is not known before the text is made, and nothing depends on it. */
  stat(uri: vscode.Uri): vscode.FileStat {
    if (shownAt(uri) === null) throw vscode.FileSystemError.FileNotFound(uri);
    const mtime = this.#changed.get(uri.toString()) ?? this.#started;
    return { type: vscode.FileType.File, ctime: this.#started, mtime, size: 0 };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const shown = shownAt(uri);
    if (shown === null) throw vscode.FileSystemError.FileNotFound(uri);
    const content = await this.#load(shown);
    if (content.kind === 'text') return new TextEncoder().encode(content.text);
    this.#remember(uri, content.page);
    return new TextEncoder().encode(content.page.layout.text);
  }

  #remember(uri: vscode.Uri, page: Page): void {
    const key = uri.toString();
    this.#pages.delete(key);
    this.#pages.set(key, page);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= MAX_PAGES) break;
      this.#pages.delete(oldest);
    }
    this.#loaded.fire(uri);
  }

  readDirectory(): [string, vscode.FileType][] {
    return [];
  }

  /** Changes are told for all documents, whoever watches. */
  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  createDirectory(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  writeFile(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
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
      if (!names.includes(name)) continue;
      this.#changed.set(uri.toString(), Date.now());
      this.#stale.fire([{ type: vscode.FileChangeType.Changed, uri }]);
    }
  }

  async #load(shown: Shown): Promise<Content> {
    const { link, jobs } = this.#studio;
    const { BrowseCorpus, ShowSelection } = await import('../../server/protocol/messages.ts');
    switch (shown.kind) {
      case 'corpus': {
        const { corpus, query, page } = shown;
        const offset = (page - 1) * PAGE_PASSAGES;
        const result = await link.request(BrowseCorpus, { corpus, query, offset, limit: PAGE_PASSAGES });
        return { kind: 'page', page: corpusPage(result) };
      }
      case 'selection':
        return {
          kind: 'page',
          page: selectionPage(await link.request(ShowSelection, { name: shown.selection })),
        };
      case 'comparison': {
        const [one, other] = await Promise.all([
          link.request(ShowSelection, { name: shown.selection }),
          link.request(ShowSelection, { name: shown.against }),
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
