import * as vscode from 'vscode';
import type { DaemonLink } from '../daemon/daemon-link.ts';
import type { FeaturePaint } from '../decorations/feature-paint.ts';

const DICTIONARY = 'builtin-gsae';
/** UTF-16 units above which the user is asked first: inspecting takes seconds then. */
const LARGE_TEXT = 1_000_000;

/** Inspects the active document and paints its tokens; nothing is painted when the text changed meanwhile. */
export async function showFeatures(link: DaemonLink, paint: FeaturePaint): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  if (document === undefined) {
    await vscode.window.showInformationMessage(vscode.l10n.t('Open a text document first.'));
    return;
  }
  const text = document.getText();
  if (text.length === 0) {
    await vscode.window.showInformationMessage(vscode.l10n.t('The document is empty: there is nothing to show.'));
    return;
  }
  if (text.length > LARGE_TEXT && !(await agreesToInspect(text.length))) return;
  const { version } = document;
  const title = vscode.l10n.t('Computing features…');
  const location = vscode.ProgressLocation.Notification;
  const result = await vscode.window.withProgress({ location, title, cancellable: true }, async (_progress, token) => {
    const { Inspect } = await import('../../server/protocol/messages.ts');
    try {
      return await link.request(Inspect, { text, dictionary: DICTIONARY }, token);
    } catch (error) {
      if (token.isCancellationRequested) return null;
      throw error;
    }
  });
  if (result === null || document.version !== version) return;
  if (paint.show(document, result) === 0)
    await vscode.window.showInformationMessage(vscode.l10n.t('No feature of {0} fires on this text.', DICTIONARY));
}

async function agreesToInspect(characters: number): Promise<boolean> {
  const go = vscode.l10n.t('Inspect');
  const question = vscode.l10n.t(
    'The document has {0} characters; inspecting it takes a while.',
    characters.toLocaleString(vscode.env.language),
  );
  return (await vscode.window.showWarningMessage(question, { modal: true }, go)) === go;
}
