import * as vscode from 'vscode';
import type { SelectionResult } from '../../server/protocol/corpus-pages.ts';
import type { Studio } from '../studio.ts';
import type { PassageDocuments } from './passage-documents.ts';
import type { PassageLines } from './passage-layout.ts';
import type { Page } from './passage-page.ts';
import { SCHEME } from './passage-uri.ts';
import type { SelectionVerdicts } from './selection-verdicts.ts';
import { searchedStems, sharedWords } from './shared-words.ts';
import { verdictOn } from './verdicts.ts';

/** Lines above and below what is seen that are decorated too, so that scrolling shows nothing bare. */
const MARGIN_LINES = 100;
const DELAY_MS = 50;

type SelectionPage = Extract<Page, { readonly kind: 'selection' }>;

/** Struck passages struck through, pinned ones with a pin in the gutter, words that a word search shares with the seeds underlined. */
export class PassageDecorations implements vscode.Disposable {
  readonly #studio: Studio;
  readonly #documents: PassageDocuments;
  readonly #verdicts: SelectionVerdicts;
  readonly #struck: vscode.TextEditorDecorationType;
  readonly #pinned: vscode.TextEditorDecorationType;
  readonly #shared: vscode.TextEditorDecorationType;
  readonly #subscriptions: vscode.Disposable;
  readonly #stems = new WeakMap<SelectionResult, Promise<ReadonlySet<string>>>();
  #timer: NodeJS.Timeout | null = null;

  constructor(studio: Studio, documents: PassageDocuments, verdicts: SelectionVerdicts) {
    this.#studio = studio;
    this.#documents = documents;
    this.#verdicts = verdicts;
    this.#struck = vscode.window.createTextEditorDecorationType({ textDecoration: 'line-through', opacity: '0.6' });
    this.#pinned = vscode.window.createTextEditorDecorationType({
      gutterIconPath: studio.context.asAbsolutePath('media/pin.svg'),
      gutterIconSize: 'contain',
      fontWeight: 'bold',
    });
    this.#shared = vscode.window.createTextEditorDecorationType({ textDecoration: 'underline' });
    const soon = (): void => {
      this.#timer ??= setTimeout(() => {
        this.#timer = null;
        this.#decorateAll();
      }, DELAY_MS);
    };
    this.#subscriptions = vscode.Disposable.from(
      ...[this.#struck, this.#pinned, this.#shared],
      documents.onDidLoad(soon),
      verdicts.onDidChange(soon),
      vscode.window.onDidChangeVisibleTextEditors(soon),
      vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => {
        if (textEditor.document.uri.scheme === SCHEME) soon();
      }),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document.uri.scheme === SCHEME) soon();
      }),
    );
    soon();
  }

  #decorateAll(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      const page = this.#documents.pageOf(editor.document.uri);
      if (page?.kind === 'selection') void this.#decorate(editor, page).catch(() => undefined);
    }
  }

  async #decorate(editor: vscode.TextEditor, page: SelectionPage): Promise<void> {
    // The text of a document that was made anew is not in the editor yet; its change calls again.
    if (editor.document.lineCount !== page.layout.text.split('\n').length) return;
    const verdicts = this.#verdicts.of(page.selection);
    const ranges = { pinned: [] as vscode.Range[], struck: [] as vscode.Range[] };
    for (const [i, { id }] of page.passages.entries()) {
      const [verdict, lines] = [verdictOn(verdicts, id), page.layout.passages[i]!];
      if (verdict === 'pinned') ranges.pinned.push(new vscode.Range(lines.first, 0, lines.first, 0));
      if (verdict === 'struck') ranges.struck.push(rangeOf(editor.document, lines));
    }
    editor.setDecorations(
      this.#pinned,
      ranges.pinned.map((range) => editor.document.lineAt(range.start.line).range),
    );
    editor.setDecorations(this.#struck, ranges.struck);
    const stems = await this.#stemsOf(page.selection);
    editor.setDecorations(this.#shared, stems.size === 0 ? [] : sharedRanges(editor, page, stems));
  }

  #stemsOf(selection: SelectionResult): Promise<ReadonlySet<string>> {
    const known = this.#stems.get(selection);
    if (known !== undefined) return known;
    // Seeds that were removed since underline nothing.
    const stems = this.#loadStems(selection).catch(() => new Set<string>());
    this.#stems.set(selection, stems);
    return stems;
  }

  async #loadStems({ arm, seeds }: SelectionResult): Promise<ReadonlySet<string>> {
    if (!arm.startsWith('bm25')) return new Set();
    const { ShowSeeds } = await import('../../server/protocol/messages.ts');
    const set = await this.#studio.link.request(ShowSeeds, { name: seeds });
    return searchedStems(set.seeds.map(({ text }) => text));
  }

  dispose(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#subscriptions.dispose();
  }
}

function rangeOf(document: vscode.TextDocument, { text, end }: PassageLines): vscode.Range {
  return new vscode.Range(text, 0, end - 1, document.lineAt(end - 1).text.length);
}

/** Shared words of the passages that are seen, or nearly. */
function sharedRanges(
  { document, visibleRanges }: vscode.TextEditor,
  { layout }: SelectionPage,
  stems: ReadonlySet<string>,
): vscode.Range[] {
  const first = Math.min(...visibleRanges.map(({ start }) => start.line)) - MARGIN_LINES;
  const last = Math.max(...visibleRanges.map(({ end }) => end.line)) + MARGIN_LINES;
  const ranges: vscode.Range[] = [];
  for (const { text, end } of layout.passages)
    for (let line = Math.max(text, first); line < Math.min(end, last + 1); line++)
      for (const word of sharedWords(document.lineAt(line).text, stems))
        ranges.push(new vscode.Range(line, word.start, line, word.end));
  return ranges;
}
