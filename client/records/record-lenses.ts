import * as vscode from 'vscode';
import { formatOf, textRegions, type TextRegion } from '../../server/text/regions.ts';
import type { Highlights } from '../decorations/highlights.ts';
import { rangeOf } from '../decorations/token-colours.ts';
import { shortNumber } from '../features/feature-words.ts';
import { seedOf } from '../seeds/selected-seeds.ts';
import { onSettingChange, setting } from '../settings.ts';
import type { Studio } from '../studio.ts';

const CORPUS_FILES: vscode.DocumentSelector = { pattern: '**/*.{jsonl,ndjson,csv,tsv}' };
/** Records that get a lens; the editor resolves only those on the screen. */
const MAX_RECORDS = 10_000;
const SHOWN_FEATURES = 3;
/** UTF-16 units of a record that its features are looked up in. */
const MAX_TEXT = 4000;

class RecordLens extends vscode.CodeLens {
  readonly text: string;

  constructor(range: vscode.Range, text: string) {
    super(range);
    this.text = text;
  }
}

/** Above each record of a corpus file, while highlighting is on: the features that its text is told by, and a way to mark it. */
class RecordLenses implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #studio: Studio;
  readonly #highlights: Highlights;
  readonly #changes = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable;
  readonly onDidChangeCodeLenses = this.#changes.event;
  #wasOn: boolean;

  constructor(studio: Studio, highlights: Highlights) {
    this.#studio = studio;
    this.#highlights = highlights;
    this.#wasOn = highlights.on;
    const refresh = (): void => {
      this.#changes.fire();
    };
    this.#subscriptions = vscode.Disposable.from(
      highlights.onDidChange(() => {
        if (this.#wasOn === highlights.on) return;
        this.#wasOn = highlights.on;
        refresh();
      }),
      studio.dictionary.onDidChange(refresh),
      onSettingChange(['codeLens.enabled', 'textField.names'], refresh),
      vscode.languages.registerCodeLensProvider(CORPUS_FILES, this),
    );
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    if (!this.#highlights.on || !setting('codeLens.enabled')) return [];
    const format = formatOf(document.uri.path, document.languageId);
    const regions = textRegions(document.getText(), format, setting('textField.names', document));
    return regions.slice(0, MAX_RECORDS).flatMap((region) => lensesOf(document, region));
  }

  async resolveCodeLens(lens: vscode.CodeLens, token: vscode.CancellationToken): Promise<vscode.CodeLens> {
    if (!(lens instanceof RecordLens)) return lens;
    const { link, dictionary } = this.#studio;
    const { ShowTextFeatures } = await import('../../server/protocol/messages.ts');
    const request = { dictionary: dictionary.name, text: lens.text, limit: SHOWN_FEATURES };
    const { features } = await link.request(ShowTextFeatures, request, token);
    const [strongest] = features;
    if (strongest === undefined) lens.command = { title: vscode.l10n.t('no feature fires'), command: '' };
    else
      lens.command = {
        title: features
          .map(
            ({ feature, label, score }) =>
              `#${[feature, ...(label === null ? [] : [label])].join(' ')} ${shortNumber(score)}`,
          )
          .join(' · '),
        tooltip: vscode.l10n.t('Features that tell this record from other text, by score; opens the page of the first'),
        command: 'ssae.openFeature',
        arguments: [{ dictionary: dictionary.name, feature: strongest.feature }],
      };
    return lens;
  }

  dispose(): void {
    this.#subscriptions.dispose();
    this.#changes.dispose();
  }
}

function lensesOf(document: vscode.TextDocument, region: TextRegion): vscode.CodeLens[] {
  const range = rangeOf(document, { from: region.start, to: region.end });
  const root = vscode.workspace.getWorkspaceFolder(document.uri)?.uri;
  const features = new RecordLens(range, region.text.slice(0, MAX_TEXT));
  if (root === undefined) return [features];
  const seed = new vscode.CodeLens(range, {
    title: vscode.l10n.t('Add as Seed'),
    command: 'ssae.addSeeds',
    arguments: [[seedOf(document, region, region.start, region.end, root)]],
  });
  return [features, seed];
}

export function createRecordLenses(studio: Studio, highlights: Highlights): { dispose: () => void } {
  return new RecordLenses(studio, highlights);
}
