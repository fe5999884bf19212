import * as vscode from 'vscode';

/** The settings below `ssae.`, as package.json declares them. */
export interface Settings {
  readonly home: string;
  readonly nodePath: string;
  readonly dictionary: string;
  readonly baseline: string;
  readonly referenceCorpus: string;
  readonly 'rare.maximumDensity': number;
  readonly 'highlight.scale': 'log' | 'linear';
  readonly 'highlight.overviewRuler': boolean;
  readonly 'highlight.delay': number;
  readonly 'highlight.largeFile': number;
  readonly 'hover.features': number;
  readonly 'textField.names': readonly string[];
  readonly 'codeLens.enabled': boolean;
  readonly 'retrieve.tokens': number;
}

export function setting<Name extends keyof Settings>(name: Name, scope?: vscode.ConfigurationScope): Settings[Name] {
  const value = vscode.workspace.getConfiguration('ssae', scope).get<Settings[Name]>(name);
  if (value === undefined) throw new Error(`ssae.${name} is not declared in package.json`);
  return value;
}

/** Calls back when one of these settings changes. */
export function onSettingChange(names: readonly (keyof Settings)[], react: () => void): vscode.Disposable {
  return vscode.workspace.onDidChangeConfiguration((event) => {
    if (names.some((name) => event.affectsConfiguration(`ssae.${name}`))) react();
  });
}
