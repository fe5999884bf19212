import * as vscode from 'vscode';
import { formatOf, type TextRegion } from '../../server/text/regions.ts';
import type { TextFeature } from '../../server/protocol/token-readings.ts';
import type { Highlights } from '../decorations/highlights.ts';
import { agreesToRead } from '../decorations/readable-documents.ts';
import type { MeasureChoice } from '../measure-choice.ts';
import { seedOf } from '../seeds/selected-seeds.ts';
import { onSettingChange, setting } from '../settings.ts';
import type { Studio } from '../studio.ts';
import { type RareFeature, rareFeatures, rareFeatureTitle } from './rare-features.ts';
import { READ_UNITS, RecordFeatures } from './record-features.ts';
import { type RecordWindow, recordWindow } from './record-window.ts';

const CORPUS_FILES: vscode.DocumentSelector = [
  { pattern: '**/*.{jsonl,ndjson,csv,tsv}' },
  ...['jsonl', 'csv', 'tsv'].map((language) => ({ language })),
];
/** What was read meanwhile is shown together. */
const REFRESH_MILLISECONDS = 300;

/** The lens of a record whose text was not read yet. */
class UnreadLens extends vscode.CodeLens {
  readonly text: string;

  constructor(range: vscode.Range, text: string) {
    super(range);
    this.text = text;
  }
}

/** Above each record of a corpus file, while highlighting is on: its strongest rare features, and "Add as Seed". */
class RecordLenses implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #studio: Studio;
  readonly #highlights: Highlights;
  readonly #choice: MeasureChoice;
  readonly #features: RecordFeatures;
  /** Records that have lenses, of documents that have any. */
  readonly #windows = new WeakMap<vscode.TextDocument, RecordWindow>();
  readonly #changes = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable;
  readonly onDidChangeCodeLenses = this.#changes.event;
  #wasOn: boolean;
  #timer: NodeJS.Timeout | null = null;

  constructor(studio: Studio, highlights: Highlights, choice: MeasureChoice) {
    this.#studio = studio;
    this.#highlights = highlights;
    this.#choice = choice;
    this.#features = new RecordFeatures(studio);
    this.#wasOn = highlights.on;
    const changed = (): void => {
      this.#changes.fire();
    };
    this.#subscriptions = vscode.Disposable.from(
      highlights.onDidChange(() => {
        if (this.#wasOn === highlights.on) return;
        this.#wasOn = highlights.on;
        changed();
      }),
      ...[choice.onDidChange(changed), studio.dictionary.onDidChange(changed)],
      onSettingChange(['codeLens.enabled', 'textField.names', 'rare.maximumDensity'], changed),
      vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => {
        this.#scrolled(textEditor.document);
      }),
      vscode.languages.registerCodeLensProvider(CORPUS_FILES, this),
    );
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    this.#windows.delete(document);
    if (!setting('codeLens.enabled') || !this.#highlights.on) return [];
    if (formatOf(document.uri.path, document.languageId) === 'plain' || !(await agreesToRead(document))) return [];
    const records = this.#records(document);
    const window = recordWindow(records, visibleIn(document));
    this.#windows.set(document, window);
    return records.slice(window.first, window.last).flatMap((record) => this.#lensesOf(document, record));
  }

  /** Reads a record that has come into view. The editor cancels it when it is scrolled away. */
  async resolveCodeLens(lens: vscode.CodeLens, token: vscode.CancellationToken): Promise<vscode.CodeLens | null> {
    if (!(lens instanceof UnreadLens)) return lens;
    try {
      const features = await this.#features.read(lens.text, token);
      if (features === null) return null;
      // Each feature becomes a lens of its own then.
      this.#changeSoon();
      lens.command = { title: titleOf(this.#rare(features)), command: '' };
    } catch (error) {
      const tooltip = error instanceof Error ? error.message : String(error);
      this.#studio.log.warn(tooltip);
      lens.command = { title: vscode.l10n.t('$(warning) not read'), command: 'ssae.showLog', tooltip };
    }
    return lens;
  }

  #scrolled(document: vscode.TextDocument): void {
    const shown = this.#windows.get(document);
    if (shown === undefined || !this.#highlights.on) return;
    const { first, last } = recordWindow(this.#records(document), visibleIn(document));
    if (first !== shown.first || last !== shown.last) this.#changeSoon();
  }

  /** Text fields in the document's order, as the painting has found them. */
  #records(document: vscode.TextDocument): TextRegion[] {
    return [...new Set(this.#highlights.of(document).segments.map(({ region }) => region))];
  }

  #rare(features: readonly TextFeature[]): RareFeature[] {
    return rareFeatures(features, setting('rare.maximumDensity'), this.#choice.hidden);
  }

  #lensesOf(document: vscode.TextDocument, record: TextRegion): vscode.CodeLens[] {
    const place = document.positionAt(record.start);
    const range = new vscode.Range(place, place);
    const known = this.#features.get(record.text);
    const features =
      known === undefined
        ? [new UnreadLens(range, record.text)]
        : this.#featureLenses(range, this.#rare(known), record.text.length);
    return [...features, seedLens(document, range, record)];
  }

  #featureLenses(range: vscode.Range, features: readonly RareFeature[], units: number): vscode.CodeLens[] {
    if (features.length === 0) return [new vscode.CodeLens(range, { title: titleOf([]), command: '' })];
    const dictionary = this.#studio.dictionary.name;
    return features.map(
      (feature) =>
        new vscode.CodeLens(range, {
          ...{ title: rareFeatureTitle(feature), tooltip: tooltipOf(feature, units), command: 'ssae.openFeature' },
          arguments: [{ dictionary, feature: feature.feature }],
        }),
    );
  }

  #changeSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#changes.fire();
    }, REFRESH_MILLISECONDS);
  }

  dispose(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#subscriptions.dispose();
    this.#changes.dispose();
  }
}

/** Offsets of what is on the screen of a document; null where it is not shown. */
function visibleIn(document: vscode.TextDocument): { from: number; to: number } | null {
  const ranges = vscode.window.visibleTextEditors
    .filter((editor) => editor.document === document)
    .flatMap(({ visibleRanges }) => visibleRanges);
  if (ranges.length === 0) return null;
  return {
    from: Math.min(...ranges.map(({ start }) => document.offsetAt(start))),
    to: Math.max(...ranges.map(({ end }) => document.offsetAt(end))),
  };
}

function titleOf(features: readonly RareFeature[]): string {
  if (features.length === 0) return vscode.l10n.t('no rare feature');
  return features.map(rareFeatureTitle).join(' · ');
}

function tooltipOf({ feature, maximum }: RareFeature, units: number): string {
  const strongest = Number(maximum.toPrecision(4));
  const words = vscode.l10n.t('Opens feature {0}. Its strongest activation here is {1}.', feature, strongest);
  return units <= READ_UNITS
    ? words
    : `${words} ${vscode.l10n.t('Only the first {0} characters were read.', READ_UNITS)}`;
}

function seedLens(document: vscode.TextDocument, range: vscode.Range, record: TextRegion): vscode.CodeLens {
  return new vscode.CodeLens(range, {
    ...{ title: vscode.l10n.t('Add as Seed'), command: 'ssae.addSeeds' },
    arguments: [[seedOf(document, record, record.start, record.end)]],
  });
}

export function createRecordLenses(
  studio: Studio,
  highlights: Highlights,
  choice: MeasureChoice,
): { dispose: () => void } {
  return new RecordLenses(studio, highlights, choice);
}
