import * as vscode from 'vscode';

/** Told the share of the work that is done, 0 to 1. */
export type Watch = (share: number) => void;

/**
 * Shows a list, busy, while what it will hold is looked for: with words, and how far the search is. Whoever leaves the list ends the
 * search. It stays open.
 * @returns null where it was left
 */
export async function whileShown<Item extends vscode.QuickPickItem, Found>(
  list: vscode.QuickPick<Item>,
  words: string,
  find: (token: vscode.CancellationToken, watch: Watch) => Promise<Found>,
): Promise<Found | null> {
  const search = new vscode.CancellationTokenSource();
  const { token } = search;
  const subscription = list.onDidHide(() => {
    search.cancel();
  });
  const { title, placeholder } = list;
  list.title = words;
  list.placeholder = vscode.l10n.t('Esc ends it.');
  list.busy = true;
  list.ignoreFocusOut = true;
  list.show();
  try {
    const found = await find(token, (share) => {
      list.title = `${words} ${Math.floor(100 * share)} %`;
    });
    if (token.isCancellationRequested) return null;
    Object.assign(list, { title, placeholder, busy: false, ignoreFocusOut: false });
    return found;
  } catch (error) {
    if (token.isCancellationRequested) return null;
    throw error;
  } finally {
    subscription.dispose();
    search.dispose();
  }
}
