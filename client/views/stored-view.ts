import * as vscode from 'vscode';
import type { Studio } from '../studio.ts';

/** How one kind of stored thing is listed and shown. */
export interface StoredKind<Item> {
  /** Id of the view, and the kind of jobs after which the list is read again. */
  readonly view: string;
  readonly madeBy: readonly string[];
  list(studio: Studio): Promise<readonly Item[]>;
  show(item: Item): vscode.TreeItem;
}

type Node<Item> =
  { readonly kind: 'item'; readonly item: Item } | { readonly kind: 'problem'; readonly message: string };

/** A flat list of what the daemon stores. It is read when the view is seen, after jobs that change it, and on demand. */
export class StoredView<Item> implements vscode.TreeDataProvider<Node<Item>>, vscode.Disposable {
  readonly #studio: Studio;
  readonly #kind: StoredKind<Item>;
  readonly #changes = new vscode.EventEmitter<undefined>();
  readonly #subscriptions: vscode.Disposable;
  readonly #running = new Set<string>();
  readonly onDidChangeTreeData = this.#changes.event;

  constructor(studio: Studio, kind: StoredKind<Item>) {
    this.#studio = studio;
    this.#kind = kind;
    this.#subscriptions = vscode.Disposable.from(
      vscode.window.createTreeView(kind.view, { treeDataProvider: this, showCollapseAll: false }),
      studio.jobs.onDidChange(({ id, kind: job, state }) => {
        if (!kind.madeBy.includes(job)) return;
        if (state.kind === 'running') this.#running.add(id);
        else if (this.#running.delete(id)) this.refresh();
      }),
      studio.link.onDidChangeState(({ kind: state }) => {
        if (state === 'ready') this.refresh();
      }),
    );
  }

  refresh(): void {
    this.#changes.fire(undefined);
  }

  getTreeItem(node: Node<Item>): vscode.TreeItem {
    if (node.kind === 'item') {
      const shown = this.#kind.show(node.item);
      // Without a label of its own an entry is read out as its tooltip.
      shown.accessibilityInformation = { label: [shown.label, shown.description].filter(isText).join(', ') };
      return shown;
    }
    const item = new vscode.TreeItem(vscode.l10n.t('Could not be listed'));
    item.description = node.message;
    item.tooltip = node.message;
    item.iconPath = new vscode.ThemeIcon('error');
    item.command = { command: 'ssae.showLog', title: vscode.l10n.t('Show Log') };
    return item;
  }

  async getChildren(node?: Node<Item>): Promise<Node<Item>[]> {
    if (node !== undefined) return [];
    try {
      return (await this.#kind.list(this.#studio)).map((item) => ({ kind: 'item', item }));
    } catch (error) {
      this.#studio.log.error(error instanceof Error ? error : String(error));
      return [{ kind: 'problem', message: error instanceof Error ? error.message : String(error) }];
    }
  }

  dispose(): void {
    this.#subscriptions.dispose();
    this.#changes.dispose();
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** What menus of a view, and other commands, name a thing by: a node of its list, or `{name}`. */
export type Named = { readonly kind: 'item'; readonly item: { readonly name: string } } | { readonly name: string };

export function nameOf(given: Named | undefined): string | null {
  if (given === undefined) return null;
  return 'item' in given ? given.item.name : given.name;
}

/** Asks before something is deleted for good. */
export async function agrees(question: string, detail: string, action: string): Promise<boolean> {
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, action)) === action;
}
