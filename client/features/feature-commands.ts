import * as vscode from 'vscode';
import { command } from '../commands/command.ts';
import type { Studio } from '../studio.ts';
import { type Watch, whileShown } from './busy-list.ts';
import type { FeaturesView } from './features-view.ts';
import { pickFeature } from './pick-feature.ts';
import { type FoundFeatures, type FoundItem, pickFound } from './found-features.ts';
import { selectedText, textsToContrast } from './text-to-search.ts';

/** Searches for features: by name, by the text they fire on, by what tells two texts apart. */
export function registerFeatureCommands(studio: Studio, view: FeaturesView): vscode.Disposable {
  const { log, dictionary, link } = studio;
  return vscode.Disposable.from(
    command(log, 'ssae.searchFeatures', async () => {
      const feature = await pickFeature(link, dictionary.name);
      if (feature !== null) await open(dictionary.name, feature);
    }),
    command(log, 'ssae.featuresOfSelection', async () => {
      const text = selectedText();
      if (text !== null) await offer(studio, view, text, null);
    }),
    command(log, 'ssae.contrastSelections', async () => {
      const contrast = await textsToContrast();
      if (contrast !== null) await offer(studio, view, contrast.here, contrast.there);
    }),
  );
}

async function offer(studio: Studio, view: FeaturesView, text: string, against: string | null): Promise<void> {
  const list = vscode.window.createQuickPick<FoundItem>();
  const chosen = await findIn(list).finally(() => {
    list.dispose();
  });
  if (chosen === null) return;
  const { dictionary, feature, action } = chosen;
  if (action === 'open') await open(dictionary, feature);
  else await vscode.commands.executeCommand('ssae.highlightFeature', { feature });

  async function findIn(picker: typeof list) {
    const found = await whileShown(picker, vscode.l10n.t('Searching features…'), (token, watch) =>
      search(studio, text, against, token, watch),
    );
    if (found === null) return null;
    view.show(found);
    const picked = await pickFound(picker, found);
    return picked === null ? null : { ...picked, dictionary: found.result.dictionary };
  }
}

async function search(
  { link, dictionary }: Studio,
  text: string,
  against: string | null,
  token: vscode.CancellationToken,
  watch: Watch,
): Promise<FoundFeatures> {
  const { t } = vscode.l10n;
  const { ShowTextFeatures } = await import('../../server/protocol/messages.ts');
  const request = { dictionary: dictionary.name, text, against };
  const result = await link.request(ShowTextFeatures, request, token, watch);
  const { tokens, tokensAgainst } = result;
  const title =
    against === null
      ? t('{0}: features of {1} tokens', result.dictionary, tokens)
      : t('{0}: features of {1} tokens, not of {2} others', result.dictionary, tokens, tokensAgainst ?? 0);
  return { title, result };
}

async function open(dictionary: string, feature: number): Promise<void> {
  await vscode.commands.executeCommand('ssae.openFeature', { dictionary, feature });
}
