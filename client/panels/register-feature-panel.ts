import * as vscode from 'vscode';
import type { FeatureAddress } from '../bookmarks.ts';
import { command } from '../commands/command.ts';
import { pickFeature } from '../features/pick-feature.ts';
import type { Studio } from '../studio.ts';
import type { FeaturePanel } from './feature-panel.ts';
import { webviewOptions } from './webview-page.ts';

const TYPE = 'ssae.feature';

/** The feature pages of the window. One a dictionary is used again, so that walking through features opens no row of tabs. */
class FeaturePanels {
  readonly #studio: Studio;
  readonly #open = new Set<FeaturePanel>();

  constructor(studio: Studio) {
    this.#studio = studio;
  }

  async show(address: FeatureAddress): Promise<void> {
    const open = [...this.#open].reverse();
    const same = open.find(({ address: { dictionary, feature } }) => {
      return dictionary === address.dictionary && feature === address.feature;
    });
    const used = same ?? open.find((panel) => panel.address.dictionary === address.dictionary);
    if (used === undefined) return this.#create(address, vscode.ViewColumn.Active);
    used.panel.reveal();
    used.show(address);
  }

  async #create(address: FeatureAddress, column: vscode.ViewColumn): Promise<void> {
    const options = webviewOptions(this.#studio.context.extensionUri);
    await this.adopt(vscode.window.createWebviewPanel(TYPE, '', column, options), address);
  }

  async adopt(panel: vscode.WebviewPanel, address: FeatureAddress): Promise<void> {
    const { FeaturePanel } = await import('./feature-panel.ts');
    const page = new FeaturePanel(this.#studio, panel, address, (beside) => {
      void this.#create(beside, vscode.ViewColumn.Beside);
    });
    this.#open.add(page);
    panel.onDidChangeViewState(() => {
      // The one looked at last is the one used next.
      if (panel.active && this.#open.delete(page)) this.#open.add(page);
    });
    panel.onDidDispose(() => {
      this.#open.delete(page);
      page.dispose();
    });
  }

  /** A page that was there before the window was loaded again. */
  async restore(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const { FeaturePanelState } = await import('../../server/protocol/panels/feature.ts');
    const parsed = FeaturePanelState.safeParse(state);
    if (!parsed.success) {
      panel.dispose();
      return;
    }
    const { dictionary, feature } = parsed.data;
    panel.webview.options = webviewOptions(this.#studio.context.extensionUri);
    await this.adopt(panel, { dictionary, feature });
  }
}

/** `ssae.openFeature`, with `{ dictionary, feature }` or asking for a feature of the current dictionary. */
export function registerFeaturePanel(studio: Studio): void {
  const panels = new FeaturePanels(studio);
  studio.context.subscriptions.push(
    vscode.window.registerWebviewPanelSerializer(TYPE, {
      deserializeWebviewPanel: (panel, state: unknown) => panels.restore(panel, state),
    }),
    command(studio.log, 'ssae.openFeature', async (given?: Partial<FeatureAddress>) => {
      const dictionary = given?.dictionary ?? studio.dictionary.name;
      const feature = given?.feature ?? (await pickFeature(studio.link, dictionary));
      if (feature !== null) await panels.show({ dictionary, feature });
    }),
  );
}
