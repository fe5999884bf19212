import * as vscode from 'vscode';
import { rangeAfter, type ParsedLine } from '../../server/text/seed-lines.ts';
import { fileOf } from './found-seed.ts';
import type { SeedSet, SeedSets } from './seed-sets.ts';

export function uriOf(file: string, root: vscode.Uri): vscode.Uri {
  return /^[a-z][\w+.-]+:/i.test(file) ? vscode.Uri.parse(file) : vscode.Uri.joinPath(root, file);
}

/** Keeps the places of seeds where their text is while documents are edited, and marks them in the editor. */
export class SeedPlaces implements vscode.Disposable {
  readonly #sets: SeedSets;
  readonly #mark: vscode.TextEditorDecorationType;
  readonly #subscriptions: vscode.Disposable[];
  /** Sets as they have moved since they were written, by their file. */
  readonly #moved = new Map<string, SeedSet>();

  constructor(sets: SeedSets) {
    this.#sets = sets;
    this.#mark = vscode.window.createTextEditorDecorationType({
      border: '0 dotted',
      borderWidth: '0 0 2px 0',
      borderColor: new vscode.ThemeColor('ssae.seedBorder'),
      rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    });
    const { workspace, window } = vscode;
    this.#subscriptions = [
      sets.onDidChange(() => {
        this.#moved.clear();
        this.#markAll();
      }),
      window.onDidChangeVisibleTextEditors(() => {
        this.#markAll();
      }),
      workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        for (const change of contentChanges) this.#follow(document, change);
      }),
      workspace.onDidSaveTextDocument((document) => void this.#keep(document)),
      workspace.onDidCloseTextDocument((document) => {
        if (document.isDirty) this.#moved.clear(); // Its edits were thrown away.
      }),
      workspace.onDidRenameFiles(({ files }) => void this.#rename(files)),
    ];
    this.#markAll();
  }

  #current(set: SeedSet): SeedSet {
    return this.#moved.get(set.uri.toString()) ?? set;
  }

  #follow({ uri }: vscode.TextDocument, change: vscode.TextDocumentContentChangeEvent): void {
    const start = change.rangeOffset;
    const edit = { start, end: start + change.rangeLength, length: change.text.length };
    for (const set of this.#sets.all) {
      const current = this.#current(set);
      const lines = mapPlaces(current, uri, (from) => ({ ...from, ...rangeAfter(from, edit) }));
      if (lines !== null) this.#moved.set(set.uri.toString(), { ...current, lines });
    }
  }

  async #keep({ uri }: vscode.TextDocument): Promise<void> {
    const moved = [...this.#moved.values()].filter((set) => mapPlaces(set, uri, (from) => from) !== null);
    await this.#sets.move(moved.map((set) => ({ set, lines: set.lines })));
  }

  async #rename(files: readonly { readonly oldUri: vscode.Uri; readonly newUri: vscode.Uri }[]): Promise<void> {
    for (const { oldUri, newUri } of files)
      for (const set of this.#sets.all) {
        const current = this.#current(set);
        const lines = mapPlaces(current, oldUri, (from) => ({ ...from, file: fileOf(newUri, set.root) }));
        if (lines !== null) await this.#sets.move([{ set: current, lines }]);
      }
  }

  #markAll(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      const { document } = editor;
      const ranges = this.#sets.all.flatMap((set) =>
        this.#current(set).lines.flatMap((line) => {
          if (line.kind !== 'seed' || line.seed.from?.file !== fileOf(document.uri, set.root)) return [];
          const { start, end } = line.seed.from;
          return [
            {
              range: new vscode.Range(document.positionAt(start), document.positionAt(end)),
              hoverMessage: vscode.l10n.t('Seed of {0}', set.name),
            },
          ];
        }),
      );
      editor.setDecorations(this.#mark, ranges);
    }
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#mark.dispose();
  }
}

type Place = NonNullable<Extract<ParsedLine, { kind: 'seed' }>['seed']['from']>;

/** The set's lines with the places in one file changed; null where it has none there. */
function mapPlaces({ lines, root }: SeedSet, uri: vscode.Uri, change: (from: Place) => Place): ParsedLine[] | null {
  const file = fileOf(uri, root);
  if (!lines.some((line) => line.kind === 'seed' && line.seed.from?.file === file)) return null;
  return lines.map((line) =>
    line.kind === 'seed' && line.seed.from?.file === file
      ? { kind: 'seed', seed: { ...line.seed, from: change(line.seed.from) } }
      : line,
  );
}
