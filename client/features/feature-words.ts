import * as vscode from 'vscode';

/** How rare a feature is, in words: "fires on 1 token in 2,300". */
export function firesOn(density: number): string {
  if (density === 0) return vscode.l10n.t('fires on no token that was counted');
  return vscode.l10n.t('fires on 1 token in {0}', Math.round(1 / density).toLocaleString(vscode.env.language));
}

export function shortNumber(value: number): string {
  return value.toLocaleString(vscode.env.language, { maximumSignificantDigits: 3 });
}
