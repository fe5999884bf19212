import * as vscode from 'vscode';
import type { FoundFeature } from '../../server/protocol/feature-pages.ts';
import type { DaemonLink } from '../daemon/daemon-link.ts';
import { firesOn } from './feature-words.ts';

const DEBOUNCE_MILLISECONDS = 150;

interface FeatureItem extends vscode.QuickPickItem {
  readonly feature: number;
}

function asItem({ feature, label, density }: FoundFeature): FeatureItem {
  return {
    label: String(feature),
    description: label ?? '',
    feature,
    alwaysShow: true,
    ...(density === null ? {} : { detail: firesOn(density) }),
  };
}

/** Asks for a feature by number or by words of its label; null when the asking was given up. */
export async function pickFeature(link: DaemonLink, dictionary: string): Promise<number | null> {
  const { SearchFeatures } = await import('../../server/protocol/messages.ts');
  const pick = vscode.window.createQuickPick<FeatureItem>();
  pick.title = vscode.l10n.t('Open Feature of {0}', dictionary);
  pick.placeholder = vscode.l10n.t('A feature’s number, or words of its label');
  let search = new vscode.CancellationTokenSource();
  const find = async (query: string, token: vscode.CancellationToken): Promise<void> => {
    pick.busy = true;
    try {
      const found = await link.request(SearchFeatures, { dictionary, query }, token);
      if (!token.isCancellationRequested) pick.items = found.map(asItem);
    } catch (error) {
      if (token.isCancellationRequested) return;
      // A number needs no search; what else is wrong is said where the eyes are.
      const number = /^\d{1,9}$/.exec(query.trim())?.[0];
      const message = error instanceof Error ? error.message : String(error);
      pick.items = number === undefined ? [] : [asItem({ feature: Number(number), label: null, density: null })];
      pick.placeholder = message;
    } finally {
      if (!token.isCancellationRequested) pick.busy = false;
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const look = (query: string, delay: number): void => {
    clearTimeout(timer);
    search.cancel();
    search = new vscode.CancellationTokenSource();
    const { token } = search;
    timer = setTimeout(() => void find(query, token), delay);
  };
  try {
    return await new Promise((settle) => {
      pick.onDidChangeValue((query) => {
        look(query, DEBOUNCE_MILLISECONDS);
      });
      pick.onDidAccept(() => {
        settle(pick.selectedItems[0]?.feature ?? null);
      });
      pick.onDidHide(() => {
        settle(null);
      });
      look('', 0);
      pick.show();
    });
  } finally {
    clearTimeout(timer);
    search.cancel();
    pick.dispose();
  }
}
