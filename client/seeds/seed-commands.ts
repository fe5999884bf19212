import * as vscode from 'vscode';
import type { SeedLine } from '../../server/text/seed-lines.ts';
import { command } from '../commands/command.ts';
import type { Studio } from '../studio.ts';
import { uriOf } from './seed-places.ts';
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
    command(log, 'ssae.addSeeds', (seeds: readonly SeedLine[]) => addSeeds(studio, sets, seeds)),
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
  const root = folderFor(editor?.document.uri);
  if (editor === undefined || root === null) {
    await tellNoFolder(editor === undefined);
    return;
  }
  const seeds = selectedSeeds(editor, root);
  if (seeds.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('Select some text first: it becomes a seed.'));
    return;
  }
  await addSeeds(studio, sets, seeds, root);
}

async function seedFromToken(studio: Studio, sets: SeedSets, { uri, range }: TokenPlace): Promise<void> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(uri));
  const root = folderFor(document.uri);
  if (root === null) {
    await tellNoFolder(false);
    return;
  }
  const sentence = sentenceAround(document, new vscode.Range(...range));
  await addSeeds(studio, sets, seedsIn(document, sentence, root), root);
}

/** Seeds of any origin go into a set that is chosen or made. */
async function addSeeds(
  { context }: Studio,
  sets: SeedSets,
  seeds: readonly SeedLine[],
  root = folderFor(undefined),
): Promise<void> {
  if (root === null) {
    await tellNoFolder(false);
    return;
  }
  await sets.ready;
  const set = await pickSet(sets, root, context.workspaceState.get<string>(LAST_SET));
  if (set === null) return;
  await context.workspaceState.update(LAST_SET, set.name);
  const added = await sets.add(set, seeds);
  if (added > 0) await offerUndo(sets, addedWords(added, set.name));
  else void vscode.window.showInformationMessage(vscode.l10n.t('{0} has that text already.', set.name));
}

function addedWords(added: number, name: string): string {
  return added === 1
    ? vscode.l10n.t('Added 1 seed to {0}.', name)
    : vscode.l10n.t('Added {0} seeds to {1}.', added, name);
}

/** The folder whose `.ssae` the seeds of a document go to. */
function folderFor(uri: vscode.Uri | undefined): vscode.Uri | null {
  const own = uri === undefined ? undefined : vscode.workspace.getWorkspaceFolder(uri);
  return (own ?? vscode.workspace.workspaceFolders?.[0])?.uri ?? null;
}

async function tellNoFolder(noEditor: boolean): Promise<void> {
  const { t } = vscode.l10n;
  if (noEditor) {
    void vscode.window.showInformationMessage(t('Open a text and select some of it first.'));
    return;
  }
  const open = t('Open Folder');
  const picked = await vscode.window.showInformationMessage(
    t('Seed sets are files of a folder (.ssae/seeds); open one first.'),
    open,
  );
  if (picked === open) await vscode.commands.executeCommand('vscode.openFolder');
}

async function pickSet(sets: SeedSets, root: vscode.Uri, last: string | undefined): Promise<SeedSet | null> {
  const { t } = vscode.l10n;
  const known = sets.all
    .map((set) => ({ label: set.name, description: t('{0} seeds', set.lines.length), set, isNew: false }))
    .sort((a, b) => Number(b.label === last) - Number(a.label === last));
  if (known.length === 0) return newSet(sets, root);
  const fresh = { label: `$(add) ${t('New seed set…')}`, description: '', set: null, isNew: true };
  const picked = await vscode.window.showQuickPick([...known, fresh], {
    title: t('Add to Seed Set'),
    placeHolder: t('The set that the text goes to'),
  });
  if (picked === undefined) return null;
  return picked.set ?? newSet(sets, root);
}

async function newSet(sets: SeedSets, root: vscode.Uri): Promise<SeedSet | null> {
  const { t } = vscode.l10n;
  const name = await vscode.window.showInputBox({
    title: t('New Seed Set'),
    prompt: t('Name of the rare concept: entropy, gravitational-lensing'),
    validateInput: (value) => wrongName(value, sets),
  });
  return name === undefined ? null : sets.fresh(name, root);
}

function wrongName(name: string, sets: SeedSets): string | undefined {
  if (!NAME.test(name)) return vscode.l10n.t('Letters, digits, ".", "_" and "-", at most 100');
  if (sets.all.some((set) => set.name === name)) return vscode.l10n.t('There is a set {0} already', name);
  return undefined;
}

async function rename(sets: SeedSets, set: SeedSet): Promise<void> {
  const name = await vscode.window.showInputBox({
    title: vscode.l10n.t('Rename Seed Set'),
    value: set.name,
    validateInput: (value) => (value === set.name ? undefined : wrongName(value, sets)),
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
