import * as vscode from 'vscode';
import type { MeasureChoice } from '../measure-choice.ts';
import type { Studio } from '../studio.ts';
import type { FoundFeatures } from './found-features.ts';
import { firesOn, shortNumber } from './feature-words.ts';

type Group = 'bookmarks' | 'hidden' | 'found';

type FeatureNode =
  | { readonly kind: 'group'; readonly group: Group }
  | {
      readonly kind: 'feature';
      readonly group: Group;
      readonly dictionary: string;
      readonly feature: number;
      readonly label: string | null;
      readonly detail: string;
    };

/** Features at hand: bookmarked ones, what was searched for last, those that are hidden. */
export class FeaturesView implements vscode.TreeDataProvider<FeatureNode>, vscode.Disposable {
  readonly #studio: Studio;
  readonly #choice: MeasureChoice;
  readonly #changes = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable;
  #found: FoundFeatures | null = null;
  readonly onDidChangeTreeData = this.#changes.event;

  constructor(studio: Studio, choice: MeasureChoice) {
    this.#studio = studio;
    this.#choice = choice;
    const refresh = (): void => {
      this.#changes.fire();
    };
    this.#subscriptions = vscode.Disposable.from(
      studio.bookmarks.onDidChange(refresh),
      choice.onDidChange(refresh),
      vscode.window.createTreeView('ssae.features', { treeDataProvider: this, showCollapseAll: true }),
    );
  }

  show(found: FoundFeatures): void {
    this.#found = found;
    this.#changes.fire();
  }

  getChildren(node?: FeatureNode): FeatureNode[] {
    if (node?.kind === 'feature') return [];
    if (node !== undefined) return this.#members(node.group);
    const groups: Group[] = ['bookmarks', 'found', 'hidden'];
    return groups.filter((group) => this.#members(group).length > 0).map((group) => ({ kind: 'group', group }));
  }

  #members(group: Group): FeatureNode[] {
    const dictionary = this.#studio.dictionary.name;
    switch (group) {
      case 'bookmarks':
        return this.#studio.bookmarks.all.map((address) => ({
          ...{ kind: 'feature', group, ...address, label: null },
          detail: address.dictionary,
        }));
      case 'hidden':
        return this.#choice.hidden.map((feature) => ({
          ...{ kind: 'feature', group, dictionary, feature, label: null, detail: '' },
        }));
      case 'found':
        return (this.#found?.result.features ?? []).map(({ feature, label, score, density }) => ({
          ...{ kind: 'feature', group, dictionary: this.#found!.result.dictionary, feature, label },
          detail: [shortNumber(score), ...(density === null ? [] : [firesOn(density)])].join(' · '),
        }));
    }
  }

  getTreeItem(node: FeatureNode): vscode.TreeItem {
    if (node.kind === 'group') return this.#groupItem(node.group);
    const { group, dictionary, feature, label, detail } = node;
    const item = new vscode.TreeItem(label === null ? String(feature) : `${feature} ${label}`);
    item.description = detail;
    item.contextValue = `feature.${group}`;
    item.iconPath = new vscode.ThemeIcon(
      group === 'bookmarks' ? 'bookmark' : group === 'hidden' ? 'eye-closed' : 'symbol-misc',
    );
    item.command = {
      command: 'ssae.openFeature',
      title: vscode.l10n.t('Open Feature'),
      arguments: [{ dictionary, feature }],
    };
    return item;
  }

  #groupItem(group: Group): vscode.TreeItem {
    const { t } = vscode.l10n;
    const titles = { bookmarks: t('Bookmarks'), hidden: t('Hidden'), found: this.#found?.title ?? t('Last Search') };
    const { Expanded, Collapsed } = vscode.TreeItemCollapsibleState;
    const item = new vscode.TreeItem(titles[group], group === 'hidden' ? Collapsed : Expanded);
    item.id = group;
    item.contextValue = `featureGroup.${group}`;
    return item;
  }

  dispose(): void {
    this.#subscriptions.dispose();
    this.#changes.dispose();
  }
}
