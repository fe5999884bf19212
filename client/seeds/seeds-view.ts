import * as vscode from 'vscode';
import type { SeedLine } from '../../server/text/seed-lines.ts';
import { uriOf } from './seed-places.ts';
import { seedSetWords } from './seed-set-words.ts';
import type { SeedSet, SeedSets } from './seed-sets.ts';

export type SeedNode =
  | { readonly kind: 'set'; readonly set: SeedSet }
  | { readonly kind: 'seed'; readonly set: SeedSet; readonly index: number; readonly seed: SeedLine };

const MAX_LABEL = 120;

/** The workspace's seed sets and their seeds. */
export class SeedsView implements vscode.TreeDataProvider<SeedNode>, vscode.Disposable {
  readonly #sets: SeedSets;
  readonly #changes = new vscode.EventEmitter<void>();
  readonly #subscription: vscode.Disposable;
  readonly onDidChangeTreeData = this.#changes.event;

  constructor(sets: SeedSets) {
    this.#sets = sets;
    const changed = (): void => {
      this.#changes.fire();
    };
    // A seed whose file is gone is marked.
    this.#subscription = vscode.Disposable.from(
      sets.onDidChange(changed),
      vscode.workspace.onDidDeleteFiles(changed),
      vscode.workspace.onDidCreateFiles(changed),
    );
  }

  async getChildren(node?: SeedNode): Promise<SeedNode[]> {
    if (node?.kind === 'seed') return [];
    if (node === undefined) {
      await this.#sets.ready;
      return this.#sets.all.map((set) => ({ kind: 'set', set }));
    }
    const { set } = node;
    return set.lines.flatMap((line, index) =>
      line.kind === 'seed' ? [{ kind: 'seed', set, index, seed: line.seed }] : [],
    );
  }

  async getTreeItem(node: SeedNode): Promise<vscode.TreeItem> {
    const item = node.kind === 'set' ? setItem(node.set) : await seedItem(node);
    // Without a label of its own an entry is read out as its tooltip.
    const words = [item.label, item.description].filter((text) => typeof text === 'string');
    item.accessibilityInformation = { label: words.join(', ') };
    return item;
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changes.dispose();
  }
}

function setItem(set: SeedSet): vscode.TreeItem {
  const { name, uri } = set;
  const { Collapsed } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(name, Collapsed);
  item.id = uri.toString();
  item.contextValue = 'seedSet';
  item.iconPath = new vscode.ThemeIcon('tag');
  item.description = seedSetWords(set);
  item.tooltip = vscode.workspace.asRelativePath(uri);
  return item;
}

async function seedItem({ set, index, seed }: Extract<SeedNode, { kind: 'seed' }>): Promise<vscode.TreeItem> {
  const label = seed.text.replace(/\s+/g, ' ').trim();
  const item = new vscode.TreeItem(label.length > MAX_LABEL ? `${label.slice(0, MAX_LABEL)}…` : label);
  item.id = `${set.uri.toString()}#${index}`;
  item.contextValue = 'seed';
  item.tooltip = seed.text;
  if (seed.from === null) item.iconPath = new vscode.ThemeIcon('quote');
  else {
    const uri = uriOf(seed.from.file, set.root);
    const exists = await vscode.workspace.fs.stat(uri).then(
      () => true,
      () => uri.scheme === 'vscode-notebook-cell',
    );
    item.description = exists ? seed.from.file : vscode.l10n.t('{0} (deleted)', seed.from.file);
    item.iconPath = new vscode.ThemeIcon(exists ? 'quote' : 'warning');
    if (!exists)
      item.tooltip = vscode.l10n.t('{0} is gone; the seed is kept with its text:\n{1}', seed.from.file, seed.text);
  }
  const argument: SeedNode = { kind: 'seed', set, index, seed };
  item.command = { command: 'ssae.revealSeed', title: vscode.l10n.t('Reveal in File'), arguments: [argument] };
  return item;
}
