import * as vscode from 'vscode';
import type { InspectResult } from '../../server/protocol/results.ts';
import { INTENSITIES, paintTokens } from './intensity.ts';
import { summarizeToken } from './token-summary.ts';

/** Paints tokens by activation. Decoration types are made once, one a step; paint over text that changed is taken away. */
export class FeaturePaint implements vscode.Disposable {
  readonly #types: readonly vscode.TextEditorDecorationType[];
  readonly #subscription: vscode.Disposable;

  constructor() {
    this.#types = Array.from({ length: INTENSITIES }, (_, step) => {
      const color = new vscode.ThemeColor(`ssae.activation${step + 1}`);
      return vscode.window.createTextEditorDecorationType({
        backgroundColor: color,
        rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
        // Marks in the ruler for the strong ones only: everywhere would be nowhere.
        ...(step === INTENSITIES - 1
          ? { overviewRulerColor: color, overviewRulerLane: vscode.OverviewRulerLane.Right }
          : {}),
      });
    });
    this.#subscription = vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length > 0) this.clear(document);
    });
  }

  /** Paints every visible editor of a document whose text is the inspected one. @returns tokens painted. */
  show(document: vscode.TextDocument, result: InspectResult): number {
    const painted = paintTokens(result.tokens);
    const words = {
      feature: vscode.l10n.t('Feature'),
      activation: vscode.l10n.t('Activation'),
      loss: vscode.l10n.t('Loss (nats)'),
    };
    const steps: vscode.DecorationOptions[][] = this.#types.map(() => []);
    for (const { start, end, intensity, token } of painted) {
      const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
      steps[intensity - 1]?.push({ range, hoverMessage: new vscode.MarkdownString(summarizeToken(token, words)) });
    }
    this.#paint(document, (step) => steps[step] ?? []);
    return painted.length;
  }

  clear(document: vscode.TextDocument): void {
    this.#paint(document, () => []);
  }

  #paint(document: vscode.TextDocument, options: (step: number) => vscode.DecorationOptions[]): void {
    for (const editor of vscode.window.visibleTextEditors)
      if (editor.document === document)
        this.#types.forEach((type, step) => {
          editor.setDecorations(type, options(step));
        });
  }

  dispose(): void {
    this.#subscription.dispose();
    for (const type of this.#types) type.dispose();
  }
}
