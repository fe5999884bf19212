import * as vscode from 'vscode';
import { setting } from '../settings.ts';

/** Documents of the editor itself that nobody wants to see painted: logs, input boxes. */
const OWN_SCHEMES: ReadonlySet<string> = new Set([
  'output',
  'debug',
  'comment',
  'vscode-scm',
  'vscode-interactive-input',
]);

export function isReadable({ uri, isClosed }: vscode.TextDocument): boolean {
  return !isClosed && !OWN_SCHEMES.has(uri.scheme);
}

/** Large documents whose owner was asked, and what was answered. */
const agreed = new WeakMap<vscode.TextDocument, boolean | Promise<boolean>>();

/** Whether a document may be read now: a large one once its owner agreed. */
export function mayRead(document: vscode.TextDocument): boolean {
  return agreed.get(document) === true || lengthOf(document) <= setting('highlight.largeFile');
}

/** Whether a document may be read: a large one after its owner was asked, once. */
export async function agreesToRead(document: vscode.TextDocument): Promise<boolean> {
  if (mayRead(document)) return true;
  const known = agreed.get(document);
  if (known !== undefined) return known;
  const asked = ask(document, lengthOf(document));
  agreed.set(document, asked);
  agreed.set(document, await asked);
  return asked;
}

/** The length of a text is known without making a copy of it. */
function lengthOf(document: vscode.TextDocument): number {
  return document.offsetAt(document.lineAt(document.lineCount - 1).range.end);
}

async function ask(document: vscode.TextDocument, characters: number): Promise<boolean> {
  const read = vscode.l10n.t('Highlight');
  const question = vscode.l10n.t(
    '{0} has {1} characters: what is visible is read first, all of it takes a while.',
    document.uri.path.split('/').at(-1)!,
    characters.toLocaleString(vscode.env.language),
  );
  return (await vscode.window.showWarningMessage(question, read)) === read;
}
