import * as vscode from 'vscode';
import type { Highlights } from '../decorations/highlights.ts';
import type { MeasureChoice } from '../measure-choice.ts';
import { pickMeasure } from '../pick-measure.ts';
import type { Studio } from '../studio.ts';
import { command } from './command.ts';

export function registerHighlightCommands(
  studio: Studio,
  highlights: Highlights,
  choice: MeasureChoice,
): vscode.Disposable {
  const { log, dictionary } = studio;
  return vscode.Disposable.from(
    command(log, 'ssae.toggleHighlights', () => highlights.toggle()),
    command(log, 'ssae.chooseMeasure', async () => {
      const measure = await pickMeasure(studio, choice);
      if (measure === null) return;
      await choice.choose(measure);
      await highlights.toggle(true);
    }),
    command(log, 'ssae.highlightFeature', async ({ feature }: { feature: number }) => {
      await choice.choose({ kind: 'features', features: [feature] });
      await highlights.toggle(true);
    }),
    command(log, 'ssae.hideFeature', ({ feature }: { feature: number }) => choice.hide([...choice.hidden, feature])),
    command(log, 'ssae.showHiddenFeatures', () => showHidden(choice)),
    command(log, 'ssae.statusMenu', () => statusMenu(highlights, choice, dictionary.name)),
  );
}

async function showHidden(choice: MeasureChoice): Promise<void> {
  if (choice.hidden.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('No feature is hidden.'));
    return;
  }
  const picked = await vscode.window.showQuickPick(
    choice.hidden.map((feature) => ({ label: vscode.l10n.t('Feature {0}', feature), feature })),
    {
      canPickMany: true,
      title: vscode.l10n.t('Hidden Features'),
      placeHolder: vscode.l10n.t('Features to show again'),
    },
  );
  if (picked === undefined) return;
  const shown = new Set(picked.map(({ feature }) => feature));
  await choice.hide(choice.hidden.filter((feature) => !shown.has(feature)));
}

/** What a click on the status bar offers: what can be changed, and where to look when something is wrong. */
async function statusMenu(highlights: Highlights, choice: MeasureChoice, dictionary: string): Promise<void> {
  const { t } = vscode.l10n;
  const items = [
    {
      label: highlights.on ? `$(eye-closed) ${t('Stop Highlighting')}` : `$(eye) ${t('Highlight Features')}`,
      run: 'ssae.toggleHighlights',
    },
    { label: `$(symbol-color) ${t('Paint By…')}`, description: choice.title, run: 'ssae.chooseMeasure' },
    { label: `$(book) ${t('Use Another Dictionary…')}`, description: dictionary, run: 'ssae.useDictionary' },
    { label: `$(search) ${t('Search Features…')}`, run: 'ssae.searchFeatures' },
    { label: `$(output) ${t('Show Log')}`, run: 'ssae.showLog' },
    { label: `$(debug-restart) ${t('Restart Daemon')}`, run: 'ssae.restartDaemon' },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: 'SSAE Studio' });
  if (picked !== undefined) await vscode.commands.executeCommand(picked.run);
}
