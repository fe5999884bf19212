import * as vscode from 'vscode';
import { INTENSITIES, type PaintedToken } from './painted-tokens.ts';
import { ToldPaint, type TextChange } from './told-paint.ts';

const RULER = 0;
const PAINTED_KEY = 'ssae.painted';

/** The decoration types of painted tokens: made once, one a step. */
export class TokenColours implements vscode.Disposable {
  /** By step: 1 to INTENSITIES, and −1 to −INTENSITIES for values below 0; RULER for marks of the overview ruler. */
  readonly #types = new Map<number, vscode.TextEditorDecorationType>();
  readonly #told = new WeakMap<vscode.TextEditor, ToldPaint>();

  constructor() {
    for (let step = 1; step <= INTENSITIES; step++) {
      this.#types.set(step, background(`ssae.activation${step}`, null));
      this.#types.set(-step, background(`ssae.negative${step}`, 'ssae.negativeBorder'));
    }
    const ruler = {
      overviewRulerColor: new vscode.ThemeColor('ssae.overviewRuler'),
      overviewRulerLane: vscode.OverviewRulerLane.Right,
    };
    this.#types.set(RULER, vscode.window.createTextEditorDecorationType(ruler));
  }

  /** The window moves its paint along with an edit; what was told is moved the same way. */
  edited(editor: vscode.TextEditor, changes: readonly TextChange[]): void {
    this.#told.get(editor)?.edited(changes, editor.document.version);
  }

  paint(editor: vscode.TextEditor, tokens: readonly PaintedToken[]): void {
    const places = byStep(tokens);
    this.#tell(
      editor,
      [...this.#types.keys()].filter((step) => step !== RULER).map((step) => [step, places.get(step) ?? []]),
    );
  }

  markRuler(editor: vscode.TextEditor, tokens: readonly PaintedToken[]): void {
    this.#tell(editor, [[RULER, tokens.flatMap(({ from, to }) => [from, to])]]);
  }

  clear(editor: vscode.TextEditor): void {
    this.paint(editor, []);
    this.markRuler(editor, []);
  }

  /** Tells the window no more than what is new: every call is a message, and new decorations there. */
  #tell(editor: vscode.TextEditor, steps: readonly (readonly [step: number, places: readonly number[]])[]): void {
    const told = this.#told.get(editor) ?? new ToldPaint();
    this.#told.set(editor, told);
    const before = told.sent;
    for (const [step, places] of steps)
      if (told.takes(step, places, editor.document.version))
        editor.setDecorations(this.#types.get(step)!, rangesOf(editor.document, places));
    if (told.sent > before) hear(told, told.sent);
  }

  dispose(): void {
    for (const type of this.#types.values()) type.dispose();
  }
}

/** Messages keep their order, so the answer to one sent later says that the paint was read. */
function hear(told: ToldPaint, messages: number): void {
  void vscode.commands.executeCommand('setContext', PAINTED_KEY, true).then(
    () => {
      told.arrived(messages);
    },
    () => undefined, // The window is gone.
  );
}

/** By step: from and to of each token, one after the other. */
function byStep(tokens: readonly PaintedToken[]): Map<number, number[]> {
  const places = new Map<number, number[]>();
  for (const { from, to, step } of tokens) {
    const some = places.get(step);
    if (some === undefined) places.set(step, [from, to]);
    else some.push(from, to);
  }
  return places;
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
