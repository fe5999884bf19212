import * as vscode from 'vscode';
import { command } from '../commands/command.ts';
import type { Studio } from '../studio.ts';
import { type FoundSeed, lineOf } from './found-seed.ts';
import { uriOf } from './seed-places.ts';
import { seedSetWords } from './seed-set-words.ts';
import type { SeedSet, SeedSets } from './seed-sets.ts';
import type { SeedNode } from './seeds-view.ts';
import { seedsIn, selectedSeeds, sentenceAround } from './selected-seeds.ts';

const LAST_SET = 'lastSeedSet';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

interface TokenPlace {
  readonly uri: string;
  readonly range: readonly [number, number, number, number];
}

export function registerSeedCommands(studio: Studio, sets: SeedSets): vscode.Disposable {
  const { log } = studio;
  return vscode.Disposable.from(
    command(log, 'ssae.addSelectionToSeedSet', () => addSelection(studio, sets)),
    command(log, 'ssae.seedFromToken', (place: TokenPlace) => seedFromToken(studio, sets, place)),
    command(log, 'ssae.addSeeds', (seeds: readonly FoundSeed[]) => addSeeds(studio, sets, seeds)),
    command(log, 'ssae.renameSeedSet', (node: SeedNode) => rename(sets, node.set)),
    command(log, 'ssae.removeSeedSet', (node: SeedNode) => sets.remove(node.set).then(() => offerUndo(sets))),
    command(log, 'ssae.removeSeed', (node: Extract<SeedNode, { kind: 'seed' }>) =>
      sets.removeSeed(node.set, node.index).then(() => offerUndo(sets)),
    ),
    command(log, 'ssae.openSeedFile', async (node: SeedNode) => {
      await vscode.window.showTextDocument(node.set.uri);
    }),
    command(log, 'ssae.revealSeed', (node: Extract<SeedNode, { kind: 'seed' }>) => reveal(node)),
    command(log, 'ssae.retrieveForSeeds', (node: SeedNode) =>
      vscode.commands.executeCommand('ssae.retrieve', { seeds: node.set.uri.fsPath }),
    ),
    command(log, 'ssae.undoSeeds', async () => {
      const undone = await sets.undo();
      const { t } = vscode.l10n;
      vscode.window.setStatusBarMessage(
        undone === null ? t('There is nothing to undo.') : t('Undone: {0}', undone),
        4000,
      );
    }),
  );
}

async function addSelection(studio: Studio, sets: SeedSets): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) {
    void vscode.window.showInformationMessage(vscode.l10n.t('Open a text and select some of it first.'));
    return;
  }
  if (editor.selections.every(({ isEmpty }) => isEmpty)) {
    void vscode.window.showInformationMessage(vscode.l10n.t('Select some text first: it becomes a seed.'));
    return;
  }
  await addSeeds(studio, sets, selectedSeeds(editor));
}

async function seedFromToken(studio: Studio, sets: SeedSets, { uri, range }: TokenPlace): Promise<void> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(uri));
  const sentence = sentenceAround(document, new vscode.Range(...range));
  await addSeeds(studio, sets, seedsIn(document, sentence));
}

/** Seeds of any origin go into a set that is chosen or made; those of the folder that they were found in are offered first. */
async function addSeeds({ context }: Studio, sets: SeedSets, seeds: readonly FoundSeed[]): Promise<void> {
  if (vscode.workspace.workspaceFolders === undefined) {
    await tellNoFolder();
    return;
  }
  await sets.ready;
  const origin = seeds.find(({ from }) => from !== null)?.from?.uri;
  const own = origin === undefined ? undefined : vscode.workspace.getWorkspaceFolder(origin);
  const set = await pickSet(sets, own, context.workspaceState.get<string>(LAST_SET));
  if (set === null) return;
  await context.workspaceState.update(LAST_SET, set.name);
  const added = await sets.add(
    set,
    seeds.map((seed) => lineOf(seed, set.root)),
  );
  if (added > 0) await offerUndo(sets, addedWords(added, set.name));
  else void vscode.window.showInformationMessage(vscode.l10n.t('{0} has that text already.', set.name));
}

function addedWords(added: number, name: string): string {
  return added === 1
    ? vscode.l10n.t('Added 1 seed to {0}.', name)
    : vscode.l10n.t('Added {0} seeds to {1}.', added, name);
}

async function tellNoFolder(): Promise<void> {
  const { t } = vscode.l10n;
  const open = t('Open Folder');
  const picked = await vscode.window.showInformationMessage(
    t('Seed sets are files of a folder (.ssae/seeds); open one first.'),
    open,
  );
  if (picked === open) await vscode.commands.executeCommand('vscode.openFolder');
}

/** Offers the set used last first, then those of the document's own folder. */
async function pickSet(
  sets: SeedSets,
  own: vscode.WorkspaceFolder | undefined,
  last: string | undefined,
): Promise<SeedSet | null> {
  const { t } = vscode.l10n;
  const rank = ({ name, root }: SeedSet): number =>
    2 * Number(root.toString() === own?.uri.toString()) + Number(name === last);
  const known = [...sets.all]
    .sort((a, b) => rank(b) - rank(a))
    .map((set) => ({ label: set.name, description: seedSetWords(set), set }));
  if (known.length === 0) return newSet(sets, own);
  const fresh = { label: `$(add) ${t('New seed set…')}`, description: '', set: null };
  const picked = await vscode.window.showQuickPick([...known, fresh], {
    title: t('Add to Seed Set'),
    placeHolder: t('The set that the text goes to'),
  });
  if (picked === undefined) return null;
  return picked.set ?? newSet(sets, own);
}

/** A new set lies in the document's own folder; where that is none of several, the user says which. */
async function newSet(sets: SeedSets, own: vscode.WorkspaceFolder | undefined): Promise<SeedSet | null> {
  const { t } = vscode.l10n;
  const folders = vscode.workspace.workspaceFolders ?? [];
  const placeHolder = t('The folder whose .ssae/seeds the new set lies in');
  const folder =
    own ?? (folders.length > 1 ? await vscode.window.showWorkspaceFolderPick({ placeHolder }) : folders[0]);
  if (folder === undefined) return null;
  const name = await vscode.window.showInputBox({
    title: t('New Seed Set'),
    prompt: t('Name of the rare concept: entropy, gravitational-lensing'),
    validateInput: (value) => wrongName(value, sets, folder.uri),
  });
  return name === undefined ? null : sets.fresh(name, folder.uri);
}

function wrongName(name: string, sets: SeedSets, root: vscode.Uri): string | undefined {
  if (!NAME.test(name)) return vscode.l10n.t('Letters, digits, ".", "_" and "-", at most 100');
  if (sets.all.some((set) => set.name === name && set.root.toString() === root.toString()))
    return vscode.l10n.t('There is a set {0} already', name);
  return undefined;
}

async function rename(sets: SeedSets, set: SeedSet): Promise<void> {
  const name = await vscode.window.showInputBox({
    title: vscode.l10n.t('Rename Seed Set'),
    value: set.name,
    validateInput: (value) => (value === set.name ? undefined : wrongName(value, sets, set.root)),
  });
  if (name !== undefined && name !== set.name) await sets.rename(set, name);
}

async function offerUndo(sets: SeedSets, message = sets.canUndo ?? ''): Promise<void> {
  const undo = vscode.l10n.t('Undo');
  void vscode.window.showInformationMessage(message, undo).then(async (picked) => {
    if (picked === undo) await sets.undo();
  });
  await Promise.resolve();
}

async function reveal({ set, seed }: Extract<SeedNode, { kind: 'seed' }>): Promise<void> {
  if (seed.from === null) {
    await vscode.window.showTextDocument(set.uri);
    return;
  }
  const uri = uriOf(seed.from.file, set.root);
  let document: vscode.TextDocument;
  try {
    document = await vscode.workspace.openTextDocument(uri);
  } catch {
    void vscode.window.showWarningMessage(
      vscode.l10n.t('{0} cannot be opened; the seed is kept with its text in {1}.', seed.from.file, set.name),
    );
    return;
  }
  const selection = new vscode.Range(document.positionAt(seed.from.start), document.positionAt(seed.from.end));
  await vscode.window.showTextDocument(document, { selection });
}
