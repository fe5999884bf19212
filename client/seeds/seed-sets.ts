import * as vscode from 'vscode';
import {
  addSeedLines,
  parseSeedLines,
  writeSeedLines,
  type ParsedLine,
  type SeedLine,
} from '../../server/text/seed-lines.ts';

const FOLDER = ['.ssae', 'seeds'];
const ENDING = '.jsonl';
const GLOB = '**/.ssae/seeds/*.jsonl';
/** Of a seed file; a larger one is a corpus. */
const MAX_BYTES = 16 * 2 ** 20;
const MAX_UNDO = 50;

export interface SeedSet {
  readonly name: string;
  readonly uri: vscode.Uri;
  /** The workspace folder whose files the seeds' places are relative to. */
  readonly root: vscode.Uri;
  readonly lines: readonly ParsedLine[];
}

/** A file's content before a change; null where there was no file. */
interface Undo {
  readonly title: string;
  readonly files: readonly { readonly uri: vscode.Uri; readonly content: string | null }[];
}

/** The seed sets of the workspace: files of `.ssae/seeds`, read again whenever one changes, whoever changed it. */
export class SeedSets implements vscode.Disposable {
  readonly #sets = new Map<string, SeedSet>();
  readonly #changes = new vscode.EventEmitter<void>();
  readonly #watcher: vscode.FileSystemWatcher;
  readonly #undo: Undo[] = [];
  readonly onDidChange = this.#changes.event;
  readonly ready: Promise<void>;

  constructor() {
    this.#watcher = vscode.workspace.createFileSystemWatcher(GLOB);
    const reread = (uri: vscode.Uri): void => void this.#read(uri);
    this.#watcher.onDidChange(reread);
    this.#watcher.onDidCreate(reread);
    this.#watcher.onDidDelete((uri) => {
      this.#sets.delete(uri.toString());
      this.#changes.fire();
    });
    this.ready = this.#readAll();
  }

  get all(): readonly SeedSet[] {
    return [...this.#sets.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  get canUndo(): string | null {
    return this.#undo.at(-1)?.title ?? null;
  }

  /** @returns how many seeds were new */
  async add(set: SeedSet, seeds: readonly SeedLine[]): Promise<number> {
    const { lines, added } = addSeedLines(set.lines, seeds);
    if (added > 0) await this.#change(vscode.l10n.t('Add to {0}', set.name), [{ set, lines }]);
    return added;
  }

  /** A set that holds nothing yet; its file is made with its first seed. */
  fresh(name: string, root: vscode.Uri): SeedSet {
    return { name, root, uri: vscode.Uri.joinPath(root, ...FOLDER, `${name}${ENDING}`), lines: [] };
  }

  async removeSeed(set: SeedSet, index: number): Promise<void> {
    await this.#change(vscode.l10n.t('Remove from {0}', set.name), [{ set, lines: set.lines.toSpliced(index, 1) }]);
  }

  async remove(set: SeedSet): Promise<void> {
    await this.#remember(vscode.l10n.t('Delete {0}', set.name), [set.uri]);
    await vscode.workspace.fs.delete(set.uri, { useTrash: false });
    await this.#read(set.uri);
  }

  async rename(set: SeedSet, name: string): Promise<void> {
    const { uri } = this.fresh(name, set.root);
    await this.#remember(vscode.l10n.t('Rename {0}', set.name), [set.uri, uri]);
    await vscode.workspace.fs.rename(set.uri, uri, { overwrite: false });
    await this.#read(set.uri);
    await this.#read(uri);
  }

  /** Writes places that have moved with the text; nothing to be undone by itself. */
  async move(changes: readonly { readonly set: SeedSet; readonly lines: readonly ParsedLine[] }[]): Promise<void> {
    for (const { set, lines } of changes) await this.#write(set.uri, writeSeedLines(lines));
  }

  /** Takes back the latest change. @returns what it was; null when there is nothing */
  async undo(): Promise<string | null> {
    const last = this.#undo.pop();
    if (last === undefined) return null;
    for (const { uri, content } of last.files)
      if (content !== null) await this.#write(uri, content);
      else {
        await vscode.workspace.fs.delete(uri);
        await this.#read(uri);
      }
    return last.title;
  }

  async #change(
    title: string,
    changes: readonly { readonly set: SeedSet; readonly lines: readonly ParsedLine[] }[],
  ): Promise<void> {
    await this.#remember(
      title,
      changes.map(({ set }) => set.uri),
    );
    for (const { set, lines } of changes) await this.#write(set.uri, writeSeedLines(lines));
  }

  async #remember(title: string, uris: readonly vscode.Uri[]): Promise<void> {
    const files = await Promise.all(uris.map(async (uri) => ({ uri, content: await contentOf(uri) })));
    this.#undo.push({ title, files });
    if (this.#undo.length > MAX_UNDO) this.#undo.shift();
  }

  /** Through the editor where the file is open in one, so that its own undo knows of the change. */
  async #write(uri: vscode.Uri, content: string): Promise<void> {
    const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
    if (open === undefined) await vscode.workspace.fs.writeFile(uri, Buffer.from(content));
    else {
      const edit = new vscode.WorkspaceEdit();
      edit.replace(uri, new vscode.Range(0, 0, open.lineCount, 0), content);
      await vscode.workspace.applyEdit(edit);
      await open.save();
    }
    await this.#read(uri);
  }

  async #readAll(): Promise<void> {
    for (const uri of await vscode.workspace.findFiles(GLOB, null, 1000)) await this.#read(uri);
  }

  async #read(uri: vscode.Uri): Promise<void> {
    const root = vscode.workspace.getWorkspaceFolder(uri)?.uri;
    const content = await contentOf(uri);
    if (root === undefined || content === null) this.#sets.delete(uri.toString());
    else {
      const name = uri.path.split('/').at(-1)!.slice(0, -ENDING.length);
      this.#sets.set(uri.toString(), { name, uri, root, lines: parseSeedLines(content) });
    }
    this.#changes.fire();
  }

  dispose(): void {
    this.#watcher.dispose();
    this.#changes.dispose();
  }
}

async function contentOf(uri: vscode.Uri): Promise<string | null> {
  try {
    const { size } = await vscode.workspace.fs.stat(uri);
    if (size > MAX_BYTES) return null;
    return Buffer.from(await vscode.workspace.fs.readFile(uri)).toString('utf8');
  } catch (error) {
    if (error instanceof vscode.FileSystemError && error.code === 'FileNotFound') return null;
    throw error;
  }
}
