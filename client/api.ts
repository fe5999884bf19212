/**
 * What `vscode.extensions.getExtension('ssae-studio.ssae-studio').activate()` gives to other extensions. Copy this file: it has
 * no code. Described in docs/extension-api.md.
 */
import type { CancellationToken, Event, Uri } from 'vscode';

export interface SsaeStudioApi {
  /** Raised when something here changes so that callers would break. */
  readonly version: 1;
  /** The dictionary that text is read with where none is named: a stored name, or the path of a SAELens folder. */
  readonly currentDictionary: string;
  readonly onDidChangeDictionary: Event<string>;
  /**
   * Reads a text with a dictionary; the daemon is started where none runs.
   * @param text at most 64 MiB
   * @throws an Error whose message says what is wrong: no such dictionary, features it does not have, no daemon
   */
  readActivations(text: string, options?: ReadOptions): Promise<TextActivations>;
  /** Shows a document (the active one where none is given) and turns feature highlights on, for all visible editors. */
  highlight(uri?: Uri): Promise<void>;
}

export interface ReadOptions {
  /** Left out: the current one. */
  readonly dictionary?: string;
  /** Only these features, at most 4,096; left out or empty: all. */
  readonly features?: readonly number[];
  /** Strongest features a token, 0 to 4,096; left out: 5. */
  readonly top?: number;
  readonly token?: CancellationToken;
}

export interface TextActivations {
  readonly model: string;
  readonly hookPoint: string;
  readonly dictionary: string;
  /** In the text's order, special tokens left out. */
  readonly tokens: readonly ActivatedToken[];
}

export interface ActivatedToken {
  readonly text: string;
  /** UTF-16 offsets into the given text. */
  readonly start: number;
  readonly end: number;
  /** ‖x − x̂‖² */
  readonly reconstructionError: number;
  /** Sorted by activation, the strongest first. */
  readonly features: readonly {
    readonly feature: number;
    readonly activation: number;
    readonly label: string | null;
  }[];
}
