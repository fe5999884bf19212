import * as vscode from 'vscode';
import type { FoundFeature } from '../../server/protocol/feature-pages.ts';
import type { TextFeature } from '../../server/protocol/token-readings.ts';
import type { Studio } from '../studio.ts';
import { firesOn } from './feature-words.ts';

interface FeatureItem extends vscode.QuickPickItem {
  readonly feature: number;
}

const SEARCH_MILLISECONDS = 150;

/** What a feature is called in a list: its number, and its label where it has one. */
export function featureItem({ feature, label, density }: FoundFeature): FeatureItem {
  return {
    label: String(feature),
    description: label ?? '',
    ...(density === null ? {} : { detail: firesOn(density) }),
    alwaysShow: true,
    feature,
  };
}

/** Several features by number or label; while nothing is typed, those that fire on the selection or the visible text. */
export async function pickFeatures(studio: Studio): Promise<number[]> {
  const picker = vscode.window.createQuickPick<FeatureItem>();
  picker.title = vscode.l10n.t('Features');
  picker.placeholder = vscode.l10n.t('Words of a label, or a number; several can be checked');
  picker.canSelectMany = true;
  picker.matchOnDescription = true;
  let search = new vscode.CancellationTokenSource();
  const find = async (query: string): Promise<void> => {
    search.cancel();
    search = new vscode.CancellationTokenSource();
    const { token } = search;
    picker.busy = true;
    const found = query.trim() === '' ? await featuresHere(studio, token) : await featuresFor(studio, query, token);
    if (token.isCancellationRequested) return;
    const kept = picker.selectedItems.filter(({ feature }) => !found.some((item) => item.feature === feature));
    const selected = new Set(picker.selectedItems.map(({ feature }) => feature));
    picker.items = [...kept, ...found];
    picker.selectedItems = picker.items.filter(({ feature }) => selected.has(feature));
    picker.busy = false;
  };
  let delay: NodeJS.Timeout | null = null;
  const chosen = await new Promise<number[]>((resolve, reject) => {
    const run = (query: string): void => {
      find(query).catch(reject);
    };
    picker.onDidChangeValue((query) => {
      if (delay !== null) clearTimeout(delay);
      delay = setTimeout(() => {
        run(query);
      }, SEARCH_MILLISECONDS);
    });
    picker.onDidAccept(() => {
      const checked = picker.selectedItems.length > 0 ? picker.selectedItems : picker.activeItems;
      resolve(checked.map(({ feature }) => feature));
    });
    picker.onDidHide(() => {
      resolve([]);
    });
    picker.show();
    run('');
  }).finally(() => {
    if (delay !== null) clearTimeout(delay);
    search.cancel();
    picker.dispose();
  });
  return chosen;
}

async function featuresFor(
  { link, dictionary }: Studio,
  query: string,
  token: vscode.CancellationToken,
): Promise<FeatureItem[]> {
  const { SearchFeatures } = await import('../../server/protocol/messages.ts');
  const found = await link.request(SearchFeatures, { dictionary: dictionary.name, query }, token);
  return found.map(featureItem);
}

async function featuresHere(studio: Studio, token: vscode.CancellationToken): Promise<FeatureItem[]> {
  const text = selectedOrVisibleText();
  if (text === '') return [];
  return (await featuresOfText(studio, text, null, token)).map(featureItem);
}

export async function featuresOfText(
  { link, dictionary }: Studio,
  text: string,
  against: string | null,
  token?: vscode.CancellationToken,
): Promise<readonly TextFeature[]> {
  const { ShowTextFeatures } = await import('../../server/protocol/messages.ts');
  return (await link.request(ShowTextFeatures, { dictionary: dictionary.name, text, against }, token)).features;
}

/** UTF-16 units of visible text that features are looked up in. */
const MAX_VISIBLE = 4000;

export function selectedOrVisibleText(): string {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) return '';
  const selected = editor.selections.map((selection) => editor.document.getText(selection)).join('\n');
  if (selected.trim() !== '') return selected;
  return editor.visibleRanges
    .map((range) => editor.document.getText(range))
    .join('\n')
    .slice(0, MAX_VISIBLE)
    .trim();
}
