import * as vscode from 'vscode';
import { setting } from '../settings.ts';
import type { HighlightedDocument } from './highlighted-document.ts';
import { isReadable, mayRead } from './readable-documents.ts';
import { TokenColours } from './token-colours.ts';
import type { TextChange } from './told-paint.ts';

const RULER_MILLISECONDS = 400;
/** What nobody sees has to wait until nothing visible was answered, scrolled or edited as long as this: the window needs the processor to draw. */
const PAUSE_MILLISECONDS = 120;

/** Brings paint to the visible editors: at once where it is seen, and, while the window is at rest, where it will be. */
export class Painter implements vscode.Disposable {
  readonly #of: (document: vscode.TextDocument) => HighlightedDocument;
  readonly #colours = new TokenColours();
  #on = false;
  #ruler: NodeJS.Timeout | null = null;
  #rest: NodeJS.Timeout | null = null;
  #isAtRest = false;
  /** performance.now() of the last edit, scroll or answer that the window has to draw. */
  #stirred = -Infinity;

  constructor(of: (document: vscode.TextDocument) => HighlightedDocument) {
    this.#of = of;
  }

  /** Visible editors of documents that can be painted, the active one first. */
  get editors(): vscode.TextEditor[] {
    const active = vscode.window.activeTextEditor;
    return vscode.window.visibleTextEditors
      .filter(({ document }) => isReadable(document))
      .sort((a, b) => Number(b === active) - Number(a === active));
  }

  /** Milliseconds until the window will have rested long enough; 0 or below when it has. */
  get unrest(): number {
    return this.#stirred + PAUSE_MILLISECONDS - performance.now();
  }

  stir(): void {
    this.#stirred = performance.now();
  }

  switch(on: boolean): void {
    this.#on = on;
    if (on) this.paintAll();
    else for (const editor of vscode.window.visibleTextEditors) this.#colours.clear(editor);
  }

  /** The window moves its paint along with an edit; what the edit touched loses it. */
  edited(document: vscode.TextDocument, changes: readonly TextChange[]): void {
    const editors = vscode.window.visibleTextEditors.filter((editor) => editor.document === document);
    for (const editor of editors) this.#colours.edited(editor, changes);
    if (!this.#on) return;
    this.stir();
    for (const editor of editors) this.paint(editor);
  }

  paintAll(): void {
    for (const editor of this.editors) this.paint(editor);
  }

  paint(editor: vscode.TextEditor): void {
    if (!this.#on || !isReadable(editor.document)) return;
    if (!mayRead(editor.document)) {
      this.#colours.clear(editor);
      return;
    }
    this.#colours.paint(editor, this.#of(editor.document).paintable(editor));
    this.#ruler ??= setTimeout(() => {
      this.#ruler = null;
      this.#markRulers();
    }, RULER_MILLISECONDS);
    this.#awaitRest();
  }

  #markRulers(): void {
    if (!this.#on) return;
    const wanted = setting('highlight.overviewRuler');
    for (const editor of this.editors.filter(({ document }) => mayRead(document)))
      this.#colours.markRuler(editor, wanted ? this.#of(editor.document).strongest() : []);
  }

  #awaitRest(): void {
    if (this.#isAtRest) return;
    this.#rest ??= setTimeout(
      () => {
        this.#rest = null;
        if (this.unrest > 0) this.#awaitRest();
        else void this.#paintAtRest();
      },
      Math.max(0, this.unrest),
    );
  }

  /** Block by block, so that a key or a turn of the wheel waits for one at most. */
  async #paintAtRest(): Promise<void> {
    this.#isAtRest = true;
    let more = true;
    while (more && this.#on && this.unrest <= 0) {
      more = false;
      for (const editor of this.editors.filter(({ document }) => mayRead(document)))
        more ||= await this.#colours.paintAtRest(editor, this.#of(editor.document).paintable(editor));
    }
    this.#isAtRest = false;
    if (more && this.#on) this.#awaitRest();
  }

  dispose(): void {
    this.#on = false;
    for (const timer of [this.#ruler, this.#rest]) if (timer !== null) clearTimeout(timer);
    this.#colours.dispose();
  }
}
