import * as vscode from 'vscode';
import type { SelectionSummary } from '../../server/protocol/corpus-pages.ts';
import { command } from '../commands/command.ts';
import { pickSelection } from '../commands/stored-choices.ts';
import type { PassageDocuments } from '../passages/passage-documents.ts';
import type { SelectionVerdicts } from '../passages/selection-verdicts.ts';
import type { Studio } from '../studio.ts';
import { agrees, nameOf, StoredView, type Named, type StoredKind } from './stored-view.ts';

/** A node of the view, or {selection} from a lens. */
type Given = Named | { readonly selection: string } | undefined;

function counted(value: number): string {
  return value.toLocaleString(vscode.env.language);
}

const selections: StoredKind<SelectionSummary> = {
  view: 'ssae.selections',
  madeBy: ['retrieve', 'demo'],
  async list({ link }) {
    const { ListSelections } = await import('../../server/protocol/messages.ts');
    return link.request(ListSelections, {});
  },
  show({ name, arm, corpus, seeds, passages, tokens }) {
    const item = new vscode.TreeItem(name);
    item.description = vscode.l10n.t('{0} · {1} passages', arm, counted(passages));
    item.tooltip = [
      vscode.l10n.t('{0} on corpus {1}', arm, corpus),
      vscode.l10n.t('Seeds: {0}', vscode.workspace.asRelativePath(seeds)),
      vscode.l10n.t('{0} passages, {1} tokens', counted(passages), counted(tokens)),
    ].join('\n');
    item.iconPath = new vscode.ThemeIcon('list-selection');
    item.contextValue = 'ssae.selection';
    item.command = { command: 'ssae.openSelection', title: vscode.l10n.t('Open'), arguments: [{ name }] };
    return item;
  },
};

/** The view "Selections" and its commands. */
export function createSelectionsView(
  studio: Studio,
  documents: PassageDocuments,
  verdicts: SelectionVerdicts,
): vscode.Disposable {
  const view = new StoredView(studio, selections);
  const { log } = studio;
  const chosen = async (given: Given, placeHolder: string): Promise<string | null> => {
    const name = given !== undefined && 'selection' in given ? given.selection : nameOf(given);
    return name ?? (await pickSelection(studio, placeHolder))?.name ?? null;
  };
  return vscode.Disposable.from(
    view,
    command(log, 'ssae.refreshSelections', () => {
      view.refresh();
    }),
    command(log, 'ssae.openSelection', async (given?: Given) => {
      const selection = await chosen(given, vscode.l10n.t('Selection to open'));
      if (selection !== null) await documents.open({ kind: 'selection', selection });
    }),
    command(log, 'ssae.compareSelections', async (given?: Given) => {
      const one = await chosen(given, vscode.l10n.t('Selection to compare'));
      const other = one === null ? null : await pickSelection(studio, vscode.l10n.t('Compare {0} with', one), one);
      if (one !== null && other !== null) await compare(documents, one, other.name);
    }),
    command(log, 'ssae.removeSelection', async (given?: Given) => {
      const name = await chosen(given, vscode.l10n.t('Selection to remove'));
      if (name === null || !(await agreesToRemove(name))) return;
      const { RemoveSelection } = await import('../../server/protocol/messages.ts');
      await studio.link.request(RemoveSelection, { name });
      await verdicts.forget(name);
      view.refresh();
    }),
    command(log, 'ssae.finetune', async (given?: Given) => {
      const name = given !== undefined && 'selection' in given ? given.selection : nameOf(given);
      const { finetune } = await import('../commands/finetune.ts');
      await finetune(studio, name === null ? {} : { selection: name });
    }),
  );
}

/** Side by side: what both have and what each alone has. */
async function compare(documents: PassageDocuments, one: string, other: string): Promise<void> {
  const left = { viewColumn: vscode.ViewColumn.One, preview: false };
  await documents.open({ kind: 'comparison', selection: one, against: other }, left);
  const right = { viewColumn: vscode.ViewColumn.Two, preview: false, preserveFocus: true };
  await documents.open({ kind: 'comparison', selection: other, against: one }, right);
}

function agreesToRemove(name: string): Promise<boolean> {
  const question = vscode.l10n.t('Remove selection {0}?', name);
  return agrees(question, vscode.l10n.t('Dictionaries that were trained on it stay.'), vscode.l10n.t('Remove'));
}
