import * as vscode from 'vscode';
import type { SeedSet } from './seed-sets.ts';

/** "3 seeds", with the folder where the workspace has several. */
export function seedSetWords({ lines, root }: SeedSet): string {
  const seeds = lines.filter(({ kind }) => kind === 'seed').length;
  const count = seeds === 1 ? vscode.l10n.t('1 seed') : vscode.l10n.t('{0} seeds', seeds);
  const several = (vscode.workspace.workspaceFolders ?? []).length > 1;
  return several ? `${count} · ${vscode.workspace.getWorkspaceFolder(root)?.name ?? ''}` : count;
}
