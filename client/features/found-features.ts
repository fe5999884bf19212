import * as vscode from 'vscode';
import type { TextFeature, TextFeaturesResult } from '../../server/protocol/token-readings.ts';
import { firesOn, shortNumber } from './feature-words.ts';

/** Features that a search found, with what they were found for. */
export interface FoundFeatures {
  readonly title: string;
  readonly result: TextFeaturesResult;
}

export interface FoundItem extends vscode.QuickPickItem {
  readonly feature: number;
}

export type FeatureAction = 'open' | 'highlight';

/** Shows what a search found in a list that is open. @returns the feature that was chosen and what to do with it; null for none */
export async function pickFound(
  picker: vscode.QuickPick<FoundItem>,
  { title, result }: FoundFeatures,
): Promise<{ readonly feature: number; readonly action: FeatureAction } | null> {
  picker.title = title;
  picker.placeholder = result.formula;
  picker.matchOnDescription = true;
  const highlight = { iconPath: new vscode.ThemeIcon('eye'), tooltip: vscode.l10n.t('Highlight This Feature') };
  picker.items = result.features.map((found) => ({ ...foundItem(found), buttons: [highlight] }));
  return new Promise<{ feature: number; action: FeatureAction } | null>((resolve) => {
    picker.onDidAccept(() => {
      const [chosen] = picker.selectedItems;
      resolve(chosen === undefined ? null : { feature: chosen.feature, action: 'open' });
    });
    picker.onDidTriggerItemButton(({ item }) => {
      resolve({ feature: item.feature, action: 'highlight' });
    });
    picker.onDidHide(() => {
      resolve(null);
    });
  });
}

function foundItem({ feature, label, mean, meanAgainst, share, score, density }: TextFeature): FoundItem {
  const { t } = vscode.l10n;
  const there = meanAgainst === null ? [] : [t('there {0}', shortNumber(meanAgainst))];
  const detail = [
    t('score {0}', shortNumber(score)),
    t('mean {0}', shortNumber(mean)),
    ...there,
    t('on {0} % of these tokens', shortNumber(100 * share)),
    ...(density === null ? [] : [firesOn(density)]),
  ];
  return { label: String(feature), description: label ?? '', detail: detail.join(' · '), feature };
}
