import type * as vscode from 'vscode';
import type { Bookmarks } from './bookmarks.ts';
import type { DaemonLink } from './daemon/daemon-link.ts';
import type { JobWatch } from './daemon/job-watch.ts';
import type { CurrentDictionary } from './current-dictionary.ts';

/** What the parts of the extension share; made once by `activate`. */
export interface Studio {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly link: DaemonLink;
  readonly jobs: JobWatch;
  readonly dictionary: CurrentDictionary;
  readonly bookmarks: Bookmarks;
}
