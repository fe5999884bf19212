import * as vscode from 'vscode';
import { KeptPaint, RULER, type PaintableText } from './kept-paint.ts';
import type { PaintedToken } from './painted-tokens.ts';
import type { TextChange } from './told-paint.ts';

const PAINTED_KEY = 'ssae.painted';

/** The paint of every editor, and the decoration types that it is made of: each is made once, when the first editor needs it. */
export class TokenColours implements vscode.Disposable {
  /** By slot and step; below 0 for values below 0. */
  readonly #types = new Map<string, vscode.TextEditorDecorationType>();
  readonly #kept = new WeakMap<vscode.TextEditor, KeptPaint>();

  /** The window moves its paint along with an edit; what was told is moved the same way. */
  edited(editor: vscode.TextEditor, changes: readonly TextChange[]): void {
    this.#kept.get(editor)?.edited(changes, editor.document.version);
  }

  paint(editor: vscode.TextEditor, text: PaintableText): void {
    const kept = this.#keptIn(editor);
    void heard(kept, () => {
      kept.paint(text);
    });
  }

  /** Paints more of what is known, once the window has drawn what it was told before. @returns whether there was more to paint */
  async paintAtRest(editor: vscode.TextEditor, text: PaintableText): Promise<boolean> {
    const kept = this.#keptIn(editor);
    return heard(kept, () => kept.paintAtRest(text));
  }

  markRuler(editor: vscode.TextEditor, tokens: readonly PaintedToken[]): void {
    const kept = this.#keptIn(editor);
    const places = tokens.flatMap(({ from, to }) => [from, to]);
    void heard(kept, () => {
      kept.markRuler(places, editor.document.version);
    });
  }

  clear(editor: vscode.TextEditor): void {
    const kept = this.#keptIn(editor);
    void heard(kept, () => {
      kept.clear(editor.document.version);
    });
  }

  #keptIn(editor: vscode.TextEditor): KeptPaint {
    const kept =
      this.#kept.get(editor) ??
      new KeptPaint((slot, step, places) => {
        editor.setDecorations(this.#type(slot, step), rangesOf(editor.document, places));
      });
    this.#kept.set(editor, kept);
    return kept;
  }

  #type(slot: number, step: number): vscode.TextEditorDecorationType {
    const key = `${slot} ${step}`;
    const type = this.#types.get(key) ?? vscode.window.createTextEditorDecorationType(look(slot, step));
    this.#types.set(key, type);
    return type;
  }

  dispose(): void {
    for (const type of this.#types.values()) type.dispose();
  }
}

/** Messages keep their order, so the answer to one sent later says that the paint was read. */
async function heard<Result>(kept: KeptPaint, tell: () => Result): Promise<Result> {
  const before = kept.sent;
  const result = tell();
  const { sent } = kept;
  if (sent > before)
    await vscode.commands.executeCommand('setContext', PAINTED_KEY, true).then(
      () => {
        kept.arrived(sent);
      },
      () => undefined, // The window is gone.
    );
  return result;
}

function look(slot: number, step: number): vscode.DecorationRenderOptions {
  if (slot === RULER)
    return {
      overviewRulerColor: new vscode.ThemeColor('ssae.overviewRuler'),
      overviewRulerLane: vscode.OverviewRulerLane.Right,
    };
  const rangeBehavior = vscode.DecorationRangeBehavior.ClosedClosed;
  if (step > 0) return { rangeBehavior, backgroundColor: new vscode.ThemeColor(`ssae.activation${step}`) };
  return {
    rangeBehavior,
    backgroundColor: new vscode.ThemeColor(`ssae.negative${-step}`),
    // What is below 0 is told apart without its hue.
    ...{ border: '0 dashed', borderWidth: '0 0 1px 0', borderColor: new vscode.ThemeColor('ssae.negativeBorder') },
  };
}

function rangesOf(document: vscode.TextDocument, places: readonly number[]): vscode.Range[] {
  const ranges: vscode.Range[] = [];
  for (let i = 0; i < places.length; i += 2) ranges.push(rangeOf(document, { from: places[i]!, to: places[i + 1]! }));
  return ranges;
}

export function rangeOf(document: vscode.TextDocument, { from, to }: { from: number; to: number }): vscode.Range {
  return new vscode.Range(document.positionAt(from), document.positionAt(to));
}
