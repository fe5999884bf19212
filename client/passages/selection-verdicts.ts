import * as vscode from 'vscode';
import type { SelectionResult } from '../../server/protocol/corpus-pages.ts';
import { countChanges, toggled, type Verdict, type Verdicts } from './verdicts.ts';

type Judged = Pick<SelectionResult, 'name' | 'contentHash' | 'pinned' | 'struck'>;

/** As kept: only for the selection as it was when it was judged. */
interface Kept extends Verdicts {
  readonly contentHash: string;
}

/** Pins and strikes that were not applied yet. They stay with the workspace until they are, also over a reload. */
export class SelectionVerdicts implements vscode.Disposable {
  readonly #state: vscode.Memento;
  readonly #changes = new vscode.EventEmitter<string>();
  /** Name of the selection. */
  readonly onDidChange = this.#changes.event;

  constructor(state: vscode.Memento) {
    this.#state = state;
  }

  of({ name, contentHash, pinned, struck }: Judged): Verdicts {
    const kept = this.#state.get<Kept>(keyOf(name));
    return kept?.contentHash === contentHash ? kept : { pinned, struck };
  }

  changesOf(selection: Judged): number {
    return countChanges(selection, this.of(selection));
  }

  async toggle(selection: Judged, id: string, verdict: Verdict): Promise<void> {
    await this.#keep(selection, toggled(this.of(selection), id, verdict));
  }

  /** Struck passages are open again once this is applied. */
  async clearStruck(selection: Judged): Promise<void> {
    await this.#keep(selection, { pinned: this.of(selection).pinned, struck: [] });
  }

  async forget(name: string): Promise<void> {
    await this.#state.update(keyOf(name), undefined);
    this.#changes.fire(name);
  }

  async #keep({ name, contentHash }: Judged, { pinned, struck }: Verdicts): Promise<void> {
    const kept: Kept = { contentHash, pinned, struck };
    await this.#state.update(keyOf(name), kept);
    this.#changes.fire(name);
  }

  dispose(): void {
    this.#changes.dispose();
  }
}

function keyOf(selection: string): string {
  return `ssae.verdicts.${selection}`;
}
