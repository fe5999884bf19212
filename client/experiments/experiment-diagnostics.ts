import * as vscode from 'vscode';
import type { Studio } from '../studio.ts';
import { isExperiment } from './experiment-files.ts';
import { placeProblems } from './experiment-places.ts';
import { type ExperimentReference, experimentReferences, fileOfSeeds } from './experiment-references.ts';

const SOURCE = 'SSAE Studio';
const RECHECK_MILLISECONDS = 500;

/** What the schema cannot know: names that nobody has stored, files that are not there, and what the daemon refused a run for. */
export class ExperimentDiagnostics implements vscode.Disposable {
  readonly #studio: Studio;
  /** Found when a file is opened and saved. */
  readonly #names = vscode.languages.createDiagnosticCollection('ssae-names');
  /** Told by the daemon; true until the file is edited. */
  readonly #refusals = vscode.languages.createDiagnosticCollection('ssae-run');
  readonly #subscriptions: vscode.Disposable;
  #timer: NodeJS.Timeout | null = null;

  constructor(studio: Studio) {
    this.#studio = studio;
    const { workspace } = vscode;
    const check = (document: vscode.TextDocument): void => {
      if (isExperiment(document.uri)) void this.#check(document);
    };
    const checkAll = (): void => {
      this.#timer ??= setTimeout(() => {
        this.#timer = null;
        workspace.textDocuments.forEach(check);
      }, RECHECK_MILLISECONDS);
    };
    this.#subscriptions = vscode.Disposable.from(
      workspace.onDidOpenTextDocument(check),
      workspace.onDidSaveTextDocument(check),
      workspace.onDidChangeTextDocument(({ document: { uri }, contentChanges }) => {
        if (contentChanges.length === 0) return;
        this.#refusals.delete(uri);
        this.#names.delete(uri);
      }),
      workspace.onDidCloseTextDocument(({ uri }) => {
        this.#refusals.delete(uri);
        this.#names.delete(uri);
      }),
      studio.link.onDidChangeState(({ kind }) => {
        if (kind === 'ready') checkAll();
      }),
      // What was unknown may have been made.
      studio.jobs.onDidChange(({ state }) => {
        if (state.kind === 'done') checkAll();
      }),
    );
    checkAll();
  }

  /** Shows why a file was not run, at the places of the file that the daemon names. */
  refuse(document: vscode.TextDocument, message: string): void {
    const problems = placeProblems(document.getText(), message);
    this.#refusals.set(
      document.uri,
      problems.map(({ message, start, end }) =>
        diagnostic(document, start, end, message, vscode.DiagnosticSeverity.Error),
      ),
    );
    // Said twice, it would be read twice.
    this.#names.delete(document.uri);
  }

  forget(uri: vscode.Uri): void {
    this.#refusals.delete(uri);
  }

  /** Asks the daemon for its names if it runs; starts none for it. */
  async #check(document: vscode.TextDocument): Promise<void> {
    const { version, uri } = document;
    const references = experimentReferences(document.getText());
    if (references.length === 0 || this.#studio.link.state.kind !== 'ready') return;
    try {
      const known = await this.#known();
      const wrong: ExperimentReference[] = [];
      for (const reference of references) if (!(await isThere(reference, known, uri))) wrong.push(reference);
      if (document.version !== version || (this.#refusals.get(uri)?.length ?? 0) > 0) return;
      this.#names.set(
        uri,
        wrong.map((reference) => {
          const message = unknownWords(reference, known[reference.kind]);
          return diagnostic(document, reference.start, reference.end, message, vscode.DiagnosticSeverity.Warning);
        }),
      );
    } catch (error) {
      this.#studio.log.debug(String(error));
    }
  }

  async #known(): Promise<Record<ExperimentReference['kind'], readonly string[]>> {
    const { ListCorpora, ListDictionaries, ListSeeds } = await import('../../server/protocol/messages.ts');
    const { link } = this.#studio;
    const [corpora, dictionaries, seeds] = await Promise.all([
      link.request(ListCorpora, {}),
      link.request(ListDictionaries, {}),
      link.request(ListSeeds, {}),
    ]);
    const names = (all: readonly { readonly name: string }[]): string[] => all.map(({ name }) => name);
    return { corpus: names(corpora), dictionary: names(dictionaries), seeds: names(seeds), file: [] };
  }

  dispose(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#subscriptions.dispose();
    this.#names.dispose();
    this.#refusals.dispose();
  }
}

function diagnostic(
  document: vscode.TextDocument,
  start: number,
  end: number,
  message: string,
  severity: vscode.DiagnosticSeverity,
): vscode.Diagnostic {
  const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
  const made = new vscode.Diagnostic(range, message, severity);
  made.source = SOURCE;
  return made;
}

async function isThere(
  { kind, name }: ExperimentReference,
  known: Record<ExperimentReference['kind'], readonly string[]>,
  experiment: vscode.Uri,
): Promise<boolean> {
  if (kind !== 'file') return known[kind].includes(name);
  if (experiment.scheme === 'untitled') return true;
  return (await exists(name, experiment)) || (await exists(fileOfSeeds(name), experiment));
}

async function exists(path: string, experiment: vscode.Uri): Promise<boolean> {
  const isAbsolute = /^([\\/]|[A-Za-z]:[\\/])/.test(path);
  const uri = isAbsolute ? vscode.Uri.file(path) : vscode.Uri.joinPath(experiment, '..', path.replaceAll('\\', '/'));
  return vscode.workspace.fs.stat(uri).then(
    () => true,
    () => false,
  );
}

function unknownWords({ kind, name }: ExperimentReference, known: readonly string[]): string {
  const { t } = vscode.l10n;
  const expected = known.length === 0 ? t('There are none yet.') : t('There are: {0}.', known.join(', '));
  switch (kind) {
    case 'corpus':
      return `${t('No corpus "{0}" is in "corpora" or stored.', name)} ${expected}`;
    case 'dictionary':
      return `${t('No dictionary "{0}" is stored.', name)} ${expected}`;
    case 'seeds':
      return `${t('No seed set "{0}" is stored.', name)} ${expected}`;
    case 'file':
      return t('There is no file {0} beside this one.', name);
  }
}
