import * as vscode from 'vscode';
import { INTENSITIES, type PaintedToken } from './painted-tokens.ts';

/** The decoration types of painted tokens: made once, one a step. */
export class TokenColours implements vscode.Disposable {
  /** By step: 1 to INTENSITIES, and −1 to −INTENSITIES for values below 0. */
  readonly #steps = new Map<number, vscode.TextEditorDecorationType>();
  readonly #ruler: vscode.TextEditorDecorationType;

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

  paint(editor: vscode.TextEditor, tokens: readonly PaintedToken[]): void {
    const ranges = new Map<number, vscode.Range[]>([...this.#steps.keys()].map((step) => [step, []]));
    for (const token of tokens) ranges.get(token.step)!.push(rangeOf(editor.document, token));
    for (const [step, type] of this.#steps) editor.setDecorations(type, ranges.get(step)!);
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
