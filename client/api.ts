import type * as vscode from 'vscode';
import type { TextFeature, TokenFeature } from '../server/protocol/token-readings.ts';

/** A token and the features that fire on it, strongest first. */
export interface ApiToken {
  readonly text: string;
  /** UTF-16 offsets into the text that was given. */
  readonly start: number;
  readonly end: number;
  /** ‖x − x̂‖² */
  readonly reconstructionError: number;
  readonly features: readonly Pick<TokenFeature, 'feature' | 'activation' | 'label'>[];
}

/** What `vscode.extensions.getExtension('ssae-studio.ssae-studio').activate()` gives to other extensions; docs/extension-api.md. */
export interface SsaeStudioApi {
  /** Raised when something here changes its meaning. */
  readonly version: 1;
  /** Name of the dictionary that the window reads text with. */
  readonly dictionary: string;
  readonly onDidChangeDictionary: vscode.Event<string>;
  /** Features on every token of a text, as `ssae inspect` gives them. Rejects with what was wrong. */
  readActivations(
    text: string,
    options?: { readonly dictionary?: string; readonly features?: readonly number[]; readonly top?: number },
    token?: vscode.CancellationToken,
  ): Promise<readonly ApiToken[]>;
  /** Features that fire on a text, best first; `against`: and not on this one. */
  findFeatures(text: string, against?: string, token?: vscode.CancellationToken): Promise<readonly TextFeature[]>;
  /** Turns the highlights of the window on or off. */
  highlight(on: boolean): Promise<void>;
}
