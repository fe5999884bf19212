import * as vscode from 'vscode';
import { placeIn, offsetIn } from '../../server/text/regions.ts';
import type { Highlights } from '../decorations/highlights.ts';
import type { PlacedSegment } from '../decorations/placed-segments.ts';
import { mayRead } from '../decorations/readable-documents.ts';
import type { MeasureChoice } from '../measure-choice.ts';
import { setting } from '../settings.ts';
import type { Studio } from '../studio.ts';
import { tokenMarkdown, type HoverLinks, type HoverWords } from './token-markdown.ts';

/** Commands that a hover may call: its text is partly a stranger's. */
const LINKED = ['ssae.openFeature', 'ssae.hideFeature', 'ssae.seedFromToken'];

/** What fires on the token under the pointer, while highlighting is on. */
export function registerTokenHover(studio: Studio, highlights: Highlights, choice: MeasureChoice): vscode.Disposable {
  return vscode.languages.registerHoverProvider(
    { pattern: '**' },
    {
      async provideHover(document, position, cancellation) {
        if (!highlights.on || !mayRead(document)) return null;
        const place = document.offsetAt(position);
        const segment = highlights.of(document).segmentAt(place);
        if (segment === null) return null;
        const { version } = document;
        const token = await readAt(studio, choice, segment, place, cancellation);
        if (token === null || document.version !== version) return null;
        const [from, to] = [token.start, token.end].map((offset) =>
          document.positionAt(placeIn(segment.region, segment.start + offset)),
        );
        const range = new vscode.Range(from!, to!);
        return new vscode.Hover(markdownOf(tokenMarkdown(token, hoverWords(), linksFor(document, range))), range);
      },
    },
  );
}

async function readAt(
  { dictionary, link }: Studio,
  { chosen, hidden }: MeasureChoice,
  { region, start, context, text }: PlacedSegment,
  place: number,
  cancellation: vscode.CancellationToken,
) {
  const { ReadToken } = await import('../../server/protocol/messages.ts');
  const request = {
    ...{ dictionary: dictionary.name, segment: { context, text }, offset: offsetIn(region, place) - start },
    ...{ top: setting('hover.features'), hidden: [...hidden] },
    baseline: chosen.kind === 'difference' ? chosen.baseline : null,
  };
  return link.request(ReadToken, request, cancellation);
}

function markdownOf(text: string): vscode.MarkdownString {
  const markdown = new vscode.MarkdownString(text, true);
  markdown.supportHtml = true; // For the bars; text of files and dictionaries is escaped.
  markdown.isTrusted = { enabledCommands: LINKED };
  return markdown;
}

function hoverWords(): HoverWords {
  const { t } = vscode.l10n;
  return {
    feature: t('Feature'),
    activation: t('Activation'),
    label: t('Label'),
    firesOn: t('Tokens'),
    error: t('reconstruction error'),
    more: (count) => t('{0} more features fire here.', count),
    open: t('Open the page of this feature'),
    hide: t('Hide this feature'),
    seed: t('Seed from this'),
  };
}

function linksFor({ uri }: vscode.TextDocument, range: vscode.Range): HoverLinks {
  const command = (id: string, argument: unknown): string =>
    `command:${id}?${encodeURIComponent(JSON.stringify([argument]))}`;
  const { start, end } = range;
  return {
    open: (dictionary, feature) => command('ssae.openFeature', { dictionary, feature }),
    hide: (feature) => command('ssae.hideFeature', { feature }),
    seed: command('ssae.seedFromToken', {
      uri: uri.toString(),
      range: [start.line, start.character, end.line, end.character],
    }),
  };
}
