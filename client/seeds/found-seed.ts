import type * as vscode from 'vscode';
import type { SeedLine } from '../../server/text/seed-lines.ts';

type Place = Pick<vscode.Uri, 'scheme' | 'authority' | 'path' | 'toString'>;

/** A seed as it was found, before the set that it goes to is known. */
export interface FoundSeed {
  readonly text: string;
  /** Document and UTF-16 range; null for text that cannot be found again. */
  readonly from: { readonly uri: vscode.Uri; readonly start: number; readonly end: number } | null;
}

/** File of a seed, relative to its workspace folder; the whole address of a document that is no file of it. */
export function fileOf(uri: Place, root: Place): string {
  const prefix = `${root.path.replace(/\/$/, '')}/`;
  return uri.scheme === root.scheme && uri.authority === root.authority && uri.path.startsWith(prefix)
    ? uri.path.slice(prefix.length)
    : uri.toString();
}

/** The seed as a set of this workspace folder keeps it. */
export function lineOf({ text, from }: FoundSeed, root: Place): SeedLine {
  if (from === null) return { text, from };
  const { uri, start, end } = from;
  return { text, from: { file: fileOf(uri, root), start, end } };
}
