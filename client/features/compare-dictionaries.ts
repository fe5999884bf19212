import * as vscode from 'vscode';
import { command } from '../commands/command.ts';
import { rangeOf } from '../decorations/token-colours.ts';
import type { Highlights } from '../decorations/highlights.ts';
import type { PlacedSegment } from '../decorations/placed-segments.ts';
import { decodeValues } from '../decorations/segment-values.ts';
import type { MeasureChoice } from '../measure-choice.ts';
import { setting } from '../settings.ts';
import type { Studio } from '../studio.ts';
import { placeIn } from '../../server/text/regions.ts';
import { visible } from '../../server/text/visible.ts';
import { type Watch, whileShown } from './busy-list.ts';
import { shortNumber } from './feature-words.ts';
import { summarise, strongestDifferences, type TokenDifference } from './token-differences.ts';

interface Compared {
  readonly dictionary?: string;
  readonly baseline?: string;
}

const SEGMENTS_AT_A_TIME = 16;

interface DifferenceItem extends vscode.QuickPickItem {
  readonly range: vscode.Range;
}

/** Paints by the difference between two dictionaries and lists the tokens where it is largest. */
export function registerCompareDictionaries(
  studio: Studio,
  highlights: Highlights,
  choice: MeasureChoice,
): vscode.Disposable {
  return command(studio.log, 'ssae.compareDictionaries', async (given?: Compared) => {
    const editor = await textToCompareOn();
    if (editor === null) return;
    const compared = await whatToCompare(studio, given);
    if (compared === null) return;
    const { dictionary, baseline } = compared;
    if (dictionary !== studio.dictionary.name) await studio.dictionary.choose(dictionary);
    await choice.choose({ kind: 'difference', baseline });
    await highlights.toggle(true);
    const segments = highlights.of(editor.document).segments;
    const picker = vscode.window.createQuickPick<DifferenceItem>();
    try {
      const words = vscode.l10n.t('Comparing {0} with {1}…', dictionary, baseline);
      const differences = await whileShown(picker, words, (token, watch) =>
        readDifferences(studio, segments, { dictionary, baseline }, token, watch),
      );
      if (differences !== null) await listDifferences(picker, editor, differences, { dictionary, baseline });
    } finally {
      picker.dispose();
    }
  });
}

/** What is edited or seen, else a text in a tab behind a panel; tells the user to open one where there is none. */
async function textToCompareOn(): Promise<vscode.TextEditor | null> {
  const { t } = vscode.l10n;
  const seen = vscode.window.activeTextEditor ?? vscode.window.visibleTextEditors[0];
  if (seen !== undefined) return seen;
  const behind = vscode.window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .flatMap(({ label, input }) => (input instanceof vscode.TabInputText ? [{ label, uri: input.uri }] : []));
  if (behind.length === 0) {
    void vscode.window.showInformationMessage(t('Open a text to compare the dictionaries on.'));
    return null;
  }
  const [only, ...others] = behind;
  const chosen =
    others.length === 0 ? only : await vscode.window.showQuickPick(behind, { title: t('Text to Compare On') });
  return chosen === undefined ? null : vscode.window.showTextDocument(chosen.uri);
}

async function whatToCompare(
  { dictionary, link }: Studio,
  given: Compared | undefined,
): Promise<Required<Compared> | null> {
  const { t } = vscode.l10n;
  const one = given?.dictionary ?? dictionary.name;
  if (given?.baseline !== undefined && given.baseline !== one) return { dictionary: one, baseline: given.baseline };
  if (setting('baseline') !== one) return { dictionary: one, baseline: setting('baseline') };
  const { ListDictionaries } = await import('../../server/protocol/messages.ts');
  const others = (await link.request(ListDictionaries, {})).filter(({ name }) => name !== one);
  if (others.length === 0) {
    void vscode.window.showInformationMessage(
      t('There is only one dictionary, {0}. Finetune it on a selection of passages first.', one),
    );
    return null;
  }
  const picked = await vscode.window.showQuickPick(
    others.map(({ name, hookPoint }) => ({ label: name, description: hookPoint ?? '' })),
    { title: t('Compare {0} With…', one) },
  );
  return picked === undefined ? null : { dictionary: picked.label, baseline: one };
}

async function readDifferences(
  { link }: Studio,
  segments: readonly PlacedSegment[],
  { dictionary, baseline }: Required<Compared>,
  token: vscode.CancellationToken,
  watch: Watch,
): Promise<TokenDifference[]> {
  const { ReadSegments } = await import('../../server/protocol/messages.ts');
  const differences: TokenDifference[] = [];
  for (let first = 0; first < segments.length; first += SEGMENTS_AT_A_TIME) {
    const part = segments.slice(first, first + SEGMENTS_AT_A_TIME);
    const request = {
      ...{ dictionary, measure: { kind: 'difference', baseline } as const },
      segments: part.map(({ context, text }) => ({ context, text })),
    };
    const { segments: read } = await link.request(ReadSegments, request, token);
    for (const [i, segment] of part.entries()) {
      const { spans, values } = decodeValues(read[i]!);
      for (const [at, difference] of values.entries())
        differences.push({ ...placeOf(segment, spans[2 * at]!, spans[2 * at + 1]!), difference });
    }
    watch((first + part.length) / segments.length);
  }
  return differences;
}

function placeOf({ region, start }: PlacedSegment, first: number, last: number): { from: number; to: number } {
  return { from: placeIn(region, start + first), to: placeIn(region, start + last) };
}

/** A list whose active row is shown in the text. */
async function listDifferences(
  picker: vscode.QuickPick<DifferenceItem>,
  editor: vscode.TextEditor,
  differences: readonly TokenDifference[],
  { dictionary, baseline }: Required<Compared>,
): Promise<void> {
  const { t } = vscode.l10n;
  const { tokens, better, mean } = summarise(differences);
  const before = editor.selection;
  picker.title = t('{0} and {1}: where they differ most', dictionary, baseline);
  picker.placeholder = t(
    '{0} is better on {1} of {2} tokens; mean gain in ‖x − x̂‖²: {3}',
    ...[dictionary, better, tokens, shortNumber(mean)],
  );
  picker.items = strongestDifferences(differences).map((token) => itemOf(editor.document, token, dictionary, baseline));
  picker.onDidChangeActive(([item]) => {
    if (item === undefined) return;
    editor.selection = new vscode.Selection(item.range.start, item.range.end);
    editor.revealRange(item.range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  });
  const kept = await new Promise<boolean>((resolve) => {
    picker.onDidAccept(() => {
      resolve(true);
    });
    picker.onDidHide(() => {
      resolve(false);
    });
  });
  if (!kept) editor.selection = before;
}

/** Zero-width tokens are the later ones of a character that several tokens make. */
function labelOf(text: string): string {
  return visible(text.trim() || text) || vscode.l10n.t('(rest of a character)');
}

function itemOf(
  document: vscode.TextDocument,
  token: TokenDifference,
  dictionary: string,
  baseline: string,
): DifferenceItem {
  const range = rangeOf(document, token);
  const line = document.lineAt(range.start.line);
  const better = token.difference > 0 ? dictionary : baseline;
  return {
    label: labelOf(document.getText(range)),
    description: vscode.l10n.t('{0} better by {1}', better, shortNumber(Math.abs(token.difference))),
    detail: `${vscode.l10n.t('line {0}', range.start.line + 1)}: ${line.text.trim().slice(0, 120)}`,
    alwaysShow: true,
    range,
  };
}
