import * as vscode from 'vscode';
import type { Measure } from '../server/protocol/token-readings.ts';
import { onSettingChange, setting } from './settings.ts';

/** What tokens are painted by, as the user chose it; figures that settings hold are looked up when it is asked for. */
export type ChosenMeasure =
  | { readonly kind: 'rare' }
  | { readonly kind: 'strongest' }
  | { readonly kind: 'error' }
  | { readonly kind: 'difference'; readonly baseline: string }
  | { readonly kind: 'features'; readonly features: readonly number[] };

const MEASURE = 'measure';
const HIDDEN = 'hiddenFeatures';

/** What the window paints by, and the features that it leaves out. Kept for the workspace. */
export class MeasureChoice implements vscode.Disposable {
  readonly #memory: vscode.Memento;
  readonly #changes = new vscode.EventEmitter<void>();
  readonly #subscription: vscode.Disposable;
  readonly onDidChange = this.#changes.event;

  constructor(memory: vscode.Memento) {
    this.#memory = memory;
    this.#subscription = onSettingChange(['rare.maximumDensity'], () => {
      this.#changes.fire();
    });
  }

  get chosen(): ChosenMeasure {
    return this.#memory.get<ChosenMeasure>(MEASURE, { kind: 'rare' });
  }

  /** As the daemon is asked. */
  get measure(): Measure {
    const { chosen } = this;
    switch (chosen.kind) {
      case 'rare':
        return { kind: 'rare', maximumDensity: setting('rare.maximumDensity') };
      case 'features':
        return { kind: 'features', features: [...chosen.features] };
      case 'strongest':
      case 'error':
      case 'difference':
        return chosen;
    }
  }

  get hidden(): readonly number[] {
    return this.#memory.get<readonly number[]>(HIDDEN, []);
  }

  async choose(measure: ChosenMeasure): Promise<void> {
    await this.#memory.update(MEASURE, measure);
    this.#changes.fire();
  }

  async hide(features: readonly number[]): Promise<void> {
    await this.#memory.update(HIDDEN, [...new Set(features)]);
    this.#changes.fire();
  }

  /** In a few words, for the status bar. */
  get title(): string {
    const { chosen } = this;
    switch (chosen.kind) {
      case 'rare':
        return vscode.l10n.t('rare features');
      case 'strongest':
        return vscode.l10n.t('strongest feature');
      case 'error':
        return vscode.l10n.t('reconstruction error');
      case 'difference':
        return vscode.l10n.t('difference from {0}', chosen.baseline);
      case 'features':
        return chosen.features.length === 1
          ? vscode.l10n.t('feature {0}', chosen.features[0]!)
          : vscode.l10n.t('{0} features', chosen.features.length);
    }
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changes.dispose();
  }
}
