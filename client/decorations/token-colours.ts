import * as vscode from 'vscode';
import { INTENSITIES, type PaintedToken } from './painted-tokens.ts';

/** By step: from and to of each token, one after the other. */
type Places = ReadonlyMap<number, readonly number[]>;

/** The decoration types of painted tokens: made once, one a step. */
export class TokenColours implements vscode.Disposable {
  /** By step: 1 to INTENSITIES, and −1 to −INTENSITIES for values below 0. */
  readonly #steps = new Map<number, vscode.TextEditorDecorationType>();
  readonly #ruler: vscode.TextEditorDecorationType;
  /** What each editor was told last. */
  readonly #last = new WeakMap<vscode.TextEditor, { readonly version: number; readonly places: Places }>();

  constructor() {
    for (let step = 1; step <= INTENSITIES; step++) {
      this.#steps.set(step, background(`ssae.activation${step}`, null));
      this.#steps.set(-step, background(`ssae.negative${step}`, 'ssae.negativeBorder'));
    }
    this.#ruler = vscode.window.createTextEditorDecorationType({
      overviewRulerColor: new vscode.ThemeColor('ssae.overviewRuler'),
      overviewRulerLane: vscode.OverviewRulerLane.Right,
    });
  }

  /** Tells the window no more than what is new: every call is a message, and new decorations there. */
  paint(editor: vscode.TextEditor, tokens: readonly PaintedToken[]): void {
    const last = this.#last.get(editor);
    const now = byStep(tokens);
    const { version } = editor.document;
    for (const [step, type] of this.#steps) {
      const places = now.get(step) ?? [];
      // The window moves paint along with an edit, so the same places are not the same paint after one; no paint is no paint.
      const isComparable = last !== undefined && (places.length === 0 || last.version === version);
      if (isComparable && isSame(last.places.get(step) ?? [], places)) continue;
      editor.setDecorations(type, rangesOf(editor.document, places));
    }
    this.#last.set(editor, { version, places: now });
  }

  markRuler(editor: vscode.TextEditor, tokens: readonly PaintedToken[]): void {
    editor.setDecorations(
      this.#ruler,
      tokens.map((token) => rangeOf(editor.document, token)),
    );
  }

  clear(editor: vscode.TextEditor): void {
    this.paint(editor, []);
    this.markRuler(editor, []);
  }

  dispose(): void {
    for (const type of this.#steps.values()) type.dispose();
    this.#ruler.dispose();
  }
}

function byStep(tokens: readonly PaintedToken[]): Places {
  const places = new Map<number, number[]>();
  for (const { from, to, step } of tokens) {
    const some = places.get(step);
    if (some === undefined) places.set(step, [from, to]);
    else some.push(from, to);
  }
  return places;
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((place, i) => place === other[i]);
}

function rangesOf(document: vscode.TextDocument, places: readonly number[]): vscode.Range[] {
  const ranges: vscode.Range[] = [];
  for (let i = 0; i < places.length; i += 2) ranges.push(rangeOf(document, { from: places[i]!, to: places[i + 1]! }));
  return ranges;
}

function background(color: string, border: string | null): vscode.TextEditorDecorationType {
  return vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor(color),
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    // What is below 0 is told apart without its hue.
    ...(border === null
      ? {}
      : { border: '0 dashed', borderWidth: '0 0 1px 0', borderColor: new vscode.ThemeColor(border) }),
  });
}

export function rangeOf(document: vscode.TextDocument, { from, to }: { from: number; to: number }): vscode.Range {
  return new vscode.Range(document.positionAt(from), document.positionAt(to));
}
