import * as vscode from 'vscode';
import type { ChosenMeasure, MeasureChoice } from './measure-choice.ts';
import { pickFeatures } from './features/pick-features.ts';
import { setting } from './settings.ts';
import type { Studio } from './studio.ts';

interface MeasureItem extends vscode.QuickPickItem {
  readonly measure: () => Promise<ChosenMeasure | null> | ChosenMeasure;
}

/** Asks what tokens are painted by. @returns null when nothing was chosen */
export async function pickMeasure(studio: Studio, { chosen }: MeasureChoice): Promise<ChosenMeasure | null> {
  const { t } = vscode.l10n;
  const baseline = setting('baseline');
  const items: (MeasureItem & { readonly kinds: ChosenMeasure['kind'] })[] = [
    {
      kinds: 'rare',
      label: t('Rare Features'),
      detail: t('Sum of features that fire on at most {0} of tokens', share(setting('rare.maximumDensity'))),
      measure: () => ({ kind: 'rare' }),
    },
    {
      kinds: 'features',
      label: t('One or Several Features…'),
      detail: t('Sum of the activations of features that you choose'),
      measure: async () => {
        const features = await pickFeatures(studio);
        return features.length === 0 ? null : { kind: 'features', features };
      },
    },
    {
      kinds: 'strongest',
      label: t('Strongest Feature'),
      detail: t('Activation of whatever feature is strongest on the token'),
      measure: () => ({ kind: 'strongest' }),
    },
    {
      kinds: 'error',
      label: t('Reconstruction Error'),
      detail: t('‖x − x̂‖²: what the dictionary leaves unexplained'),
      measure: () => ({ kind: 'error' }),
    },
    {
      kinds: 'difference',
      label: t('Difference from {0}', baseline),
      detail: t('Reconstruction error of {0} less that of {1}', baseline, studio.dictionary.name),
      measure: () => ({ kind: 'difference', baseline }),
    },
  ];
  const picked = await vscode.window.showQuickPick(
    items.map((item) => ({ ...item, ...(item.kinds === chosen.kind ? { description: '$(check)' } : {}) })),
    { title: t('Paint Tokens By'), placeHolder: t('What a token is painted by'), matchOnDetail: true },
  );
  return (await picked?.measure()) ?? null;
}

function share(density: number): string {
  return `${(density * 100).toLocaleString(vscode.env.language, { maximumSignificantDigits: 3 })} %`;
}
