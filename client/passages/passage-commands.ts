import * as vscode from 'vscode';
import type { SelectionResult, ShownPassage } from '../../server/protocol/corpus-pages.ts';
import { Advice, command } from '../commands/command.ts';
import { pickCorpus } from '../commands/stored-choices.ts';
import type { FoundSeed } from '../seeds/found-seed.ts';
import type { Studio } from '../studio.ts';
import { openSource } from './open-source.ts';
import type { PassageDocuments } from './passage-documents.ts';
import { shownAt } from './passage-uri.ts';
import type { SelectionVerdicts } from './selection-verdicts.ts';
import type { Verdict } from './verdicts.ts';

/** A passage of a selection, as lenses name it. */
interface Target {
  readonly selection: string;
  readonly id: string;
}

/** Commands on documents of passages. What lenses give them is otherwise taken from the place of the cursor. */
export class PassageCommands implements vscode.Disposable {
  readonly #studio: Studio;
  readonly #documents: PassageDocuments;
  readonly #verdicts: SelectionVerdicts;
  readonly #subscriptions: vscode.Disposable;

  constructor(studio: Studio, documents: PassageDocuments, verdicts: SelectionVerdicts) {
    this.#studio = studio;
    this.#documents = documents;
    this.#verdicts = verdicts;
    const { log } = studio;
    this.#subscriptions = vscode.Disposable.from(
      command(log, 'ssae.browseCorpus', (given?: { readonly corpus?: string }) => this.#browse(given?.corpus)),
      // A menu of the editor gives the document's address, which has a query of its own.
      command(
        log,
        'ssae.searchCorpus',
        (given?: vscode.Uri | { readonly corpus: string; readonly query: string | null }) =>
          given === undefined || given instanceof vscode.Uri
            ? this.#search(undefined, null)
            : this.#search(given.corpus, given.query),
      ),
      command(log, 'ssae.nextPage', () => this.#turn(1)),
      command(log, 'ssae.previousPage', () => this.#turn(-1)),
      command(log, 'ssae.openPassageSource', (passage?: ShownPassage) => openSource(passage ?? this.#here())),
      command(log, 'ssae.addPassageAsSeed', (passage?: ShownPassage) => addAsSeed(passage ?? this.#here())),
      command(log, 'ssae.pinPassage', (target?: Target) => this.#judge(target, 'pinned')),
      command(log, 'ssae.strikePassage', (target?: Target) => this.#judge(target, 'struck')),
      command(log, 'ssae.restoreStruck', async ({ selection }: { readonly selection: string }) =>
        this.#verdicts.clearStruck(await this.#selection(selection)),
      ),
    );
  }

  async #browse(given: string | undefined): Promise<void> {
    const corpus = given ?? (await pickCorpus(this.#studio, vscode.l10n.t('Corpus to browse')));
    if (corpus !== null) await this.#documents.open({ kind: 'corpus', corpus, query: null, page: 1 });
  }

  async #search(given: string | undefined, before: string | null): Promise<void> {
    const here = vscode.window.activeTextEditor && shownAt(vscode.window.activeTextEditor.document.uri);
    const shown = here?.kind === 'corpus' ? here : null;
    const corpus = given ?? shown?.corpus ?? (await pickCorpus(this.#studio, vscode.l10n.t('Corpus to search')));
    if (corpus === null) return;
    const query = await vscode.window.showInputBox({
      title: vscode.l10n.t('Search {0}', corpus),
      prompt: vscode.l10n.t('Words to search for, ranked by BM25. Every character stands for itself.'),
      value: before ?? shown?.query ?? '',
    });
    if (query === undefined) return;
    await this.#documents.open({ kind: 'corpus', corpus, query: query.trim() === '' ? null : query.trim(), page: 1 });
  }

  async #turn(pages: number): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const shown = editor && shownAt(editor.document.uri);
    const page = editor && this.#documents.pageOf(editor.document.uri);
    if (editor === undefined || shown?.kind !== 'corpus' || page?.kind !== 'corpus') return;
    const { offset, passages, total } = page.result;
    const isLast = offset + passages.length >= total;
    if (pages < 0 ? shown.page === 1 : isLast) {
      const message = pages < 0 ? vscode.l10n.t('This is the first page.') : vscode.l10n.t('This is the last page.');
      vscode.window.setStatusBarMessage(message, 3000);
      return;
    }
    await this.#documents.open({ ...shown, page: shown.page + pages }, { ...columnOf(editor), preview: true });
  }

  /** The passage at the cursor. */
  #here(): ShownPassage {
    const editor = vscode.window.activeTextEditor;
    const passage = editor && this.#documents.passageAt(editor.document.uri, editor.selection.active.line);
    if (passage) return passage;
    throw new Advice(vscode.l10n.t('Put the cursor into a passage of a corpus or of a selection first.'));
  }

  async #judge(given: Target | undefined, verdict: Verdict): Promise<void> {
    const { selection, id } = given ?? this.#targetHere();
    await this.#verdicts.toggle(await this.#selection(selection), id, verdict);
  }

  #targetHere(): Target {
    return { selection: selectionHere(), id: this.#here().id };
  }

  /** As a document shows it, which is what the reader judges; else as it is stored. */
  async #selection(name: string): Promise<SelectionResult> {
    for (const { uri } of vscode.workspace.textDocuments) {
      const page = this.#documents.pageOf(uri);
      if (page?.kind === 'selection' && page.selection.name === name) return page.selection;
    }
    const { ShowSelection } = await import('../../server/protocol/messages.ts');
    return this.#studio.link.request(ShowSelection, { name });
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }
}

/** The selection that the active editor shows. */
export function selectionHere(): string {
  const editor = vscode.window.activeTextEditor;
  const shown = editor && shownAt(editor.document.uri);
  if (shown?.kind === 'selection') return shown.selection;
  throw new Advice(vscode.l10n.t('Open a selection first: passages are pinned and struck there.'));
}

function columnOf({ viewColumn }: vscode.TextEditor): vscode.TextDocumentShowOptions {
  return viewColumn === undefined ? {} : { viewColumn };
}

/** Hands a passage to the seed sets, with its place where it is a file's. */
async function addAsSeed({ text, source, start, end }: ShownPassage): Promise<void> {
  const from = /\.(txt|text|md|markdown)$/i.test(source) ? { uri: vscode.Uri.file(source), start, end } : null;
  await vscode.commands.executeCommand('ssae.addSeeds', [{ text, from } satisfies FoundSeed]);
}
