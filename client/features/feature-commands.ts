import * as vscode from 'vscode';
import { command } from '../commands/command.ts';
import type { Studio } from '../studio.ts';
import type { FeaturesView } from './features-view.ts';
import { pickFeature } from './pick-feature.ts';
import { pickFound, type FoundFeatures } from './found-features.ts';
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
  const found = await search(studio, text, against);
  if (found === null) return;
  view.show(found);
  const chosen = await pickFound(found);
  if (chosen === null) return;
  if (chosen.action === 'open') await open(found.result.dictionary, chosen.feature);
  else await vscode.commands.executeCommand('ssae.highlightFeature', { feature: chosen.feature });
}

async function search(
  { link, dictionary }: Studio,
  text: string,
  against: string | null,
): Promise<FoundFeatures | null> {
  const { t } = vscode.l10n;
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: t('Searching features…'),
    cancellable: true,
  };
  return vscode.window.withProgress(options, async (_progress, token) => {
    const { ShowTextFeatures } = await import('../../server/protocol/messages.ts');
    const request = { dictionary: dictionary.name, text, against };
    const result = await link.request(ShowTextFeatures, request, token).catch((error: unknown) => {
      if (token.isCancellationRequested) return null;
      throw error;
    });
    if (result === null) return null;
    const title =
      against === null
        ? t('{0}: features of {1} tokens', result.dictionary, result.tokens)
        : t(
            '{0}: features of {1} tokens, not of {2} others',
            result.dictionary,
            result.tokens,
            result.tokensAgainst ?? 0,
          );
    return { title, result };
  });
}

async function open(dictionary: string, feature: number): Promise<void> {
  await vscode.commands.executeCommand('ssae.openFeature', { dictionary, feature });
}
