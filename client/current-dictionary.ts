import * as vscode from 'vscode';
import { onSettingChange, setting } from './settings.ts';

/** The dictionary that the window reads text with: the setting `ssae.dictionary`. */
export class CurrentDictionary implements vscode.Disposable {
  readonly #changes = new vscode.EventEmitter<string>();
  readonly #subscription: vscode.Disposable;
  readonly onDidChange = this.#changes.event;

  constructor() {
    this.#subscription = onSettingChange(['dictionary'], () => {
      this.#changes.fire(this.name);
    });
  }

  get name(): string {
    return setting('dictionary');
  }

  /** Writes the setting where it stands already: in the workspace's settings, else in the user's. */
  async choose(name: string): Promise<void> {
    const configuration = vscode.workspace.getConfiguration('ssae');
    const inWorkspace = configuration.inspect('dictionary')?.workspaceValue !== undefined;
    const target = inWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
    await configuration.update('dictionary', name, target);
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changes.dispose();
  }
}
