import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { DictionarySummary } from '../../server/protocol/results.ts';
import type { SelectionSummary } from '../../server/protocol/corpus-pages.ts';
import type { Choice } from '../multi-step.ts';
import type { Studio } from '../studio.ts';

function counted(value: number): string {
  return value.toLocaleString(vscode.env.language);
}

export async function corpusChoices({ link }: Studio): Promise<Choice<string>[]> {
  const { ListCorpora } = await import('../../server/protocol/messages.ts');
  return (await link.request(ListCorpora, {})).map(({ name, passages, tokens, partial }) => ({
    ...{ label: name, value: name },
    description: [
      vscode.l10n.t('{0} passages, {1} tokens', counted(passages), counted(tokens)),
      ...(partial ? [vscode.l10n.t('partial')] : []),
    ].join(' · '),
  }));
}

/** @returns null where there is none, or the user gave up */
export async function pickCorpus(studio: Studio, placeHolder: string): Promise<string | null> {
  const choices = await corpusChoices(studio);
  if (choices.length === 0) {
    const add = vscode.l10n.t('Add Sample Corpus');
    const message = vscode.l10n.t('There is no corpus yet.');
    if ((await vscode.window.showInformationMessage(message, add)) === add)
      await vscode.commands.executeCommand('ssae.addSampleCorpus');
    return null;
  }
  return (await vscode.window.showQuickPick(choices, { placeHolder }))?.value ?? null;
}

/** Seed sets: the files of the workspace, by absolute path since the daemon has another folder, and those that are stored. */
export async function seedChoices({ link }: Studio): Promise<Choice<string>[]> {
  const { ListSeeds } = await import('../../server/protocol/messages.ts');
  const files = await vscode.workspace.findFiles('.ssae/seeds/*.jsonl', null);
  const stored = await link.request(ListSeeds, {});
  return [
    ...files
      .map(({ fsPath }) => ({ label: basename(fsPath, '.jsonl'), description: workspacePath(fsPath), value: fsPath }))
      .sort((a, b) => a.label.localeCompare(b.label)),
    ...stored.map(({ name, seeds }) => ({
      ...{ label: name, value: name },
      description: vscode.l10n.t('stored · {0} seeds', counted(seeds)),
    })),
  ];
}

function workspacePath(path: string): string {
  return vscode.workspace.asRelativePath(path);
}

export async function dictionaries({ link }: Studio): Promise<readonly DictionarySummary[]> {
  const { ListDictionaries } = await import('../../server/protocol/messages.ts');
  return link.request(ListDictionaries, {});
}

/** Dictionaries that know which model and hook point they read. */
export async function dictionaryChoices(studio: Studio): Promise<Choice<DictionarySummary>[]> {
  return (await dictionaries(studio))
    .filter(({ model, hookPoint }) => model !== null && hookPoint !== null)
    .map((dictionary) => ({ label: dictionary.name, description: describe(dictionary), value: dictionary }));
}

/** "topk, 64 → 2,048, k 16 · builtin, blocks.2.hook_resid_post". */
export function describe({ architecture, dIn, dSae, k, model, hookPoint }: DictionarySummary): string {
  const shape = `${architecture}, ${counted(dIn)} → ${counted(dSae)}${k === null ? '' : `, k ${k}`}`;
  return model === null ? shape : `${shape} · ${model}${hookPoint === null ? '' : `, ${hookPoint}`}`;
}

export async function selectionChoices({ link }: Studio): Promise<Choice<SelectionSummary>[]> {
  const { ListSelections } = await import('../../server/protocol/messages.ts');
  return (await link.request(ListSelections, {})).map((selection) => ({
    label: selection.name,
    description: vscode.l10n.t(
      '{0} on {1} · {2} passages, {3} tokens',
      ...[selection.arm, selection.corpus, counted(selection.passages), counted(selection.tokens)],
    ),
    value: selection,
  }));
}

/** @returns null where there is none, or the user gave up */
export async function pickSelection(
  studio: Studio,
  placeHolder: string,
  except: string | null = null,
): Promise<SelectionSummary | null> {
  const choices = (await selectionChoices(studio)).filter(({ value }) => value.name !== except);
  if (choices.length === 0) {
    await vscode.window.showInformationMessage(
      except === null
        ? vscode.l10n.t('There is no selection yet; make one with "Retrieve Passages…".')
        : vscode.l10n.t('There is no other selection yet.'),
    );
    return null;
  }
  return (await vscode.window.showQuickPick(choices, { placeHolder }))?.value ?? null;
}

/** What is wrong with a text as the name of something stored; null where nothing is. The daemon has the last word. */
export function nameProblem(name: string): string | null {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)
    ? null
    : vscode.l10n.t('Letters, digits, ".", "_" and "-", at most 100 of them, a letter or digit first.');
}

/** What is wrong with a text as a whole number of at least 1; null where nothing is. */
export function countProblem(text: string): string | null {
  return /^[1-9]\d{0,11}$/.test(text) ? null : vscode.l10n.t('A whole number of at least 1.');
}
