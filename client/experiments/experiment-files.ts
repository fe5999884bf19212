import * as vscode from 'vscode';

export const EXPERIMENT_FILES: vscode.DocumentFilter = { pattern: '**/*.ssae.json' };

export function isExperiment({ path }: vscode.Uri): boolean {
  return path.endsWith('.ssae.json');
}

/** Equal for one file, however its path is written: the daemon tells paths, the editor addresses. */
export function keyOfFile(path: string): string {
  return vscode.Uri.file(path).toString();
}
