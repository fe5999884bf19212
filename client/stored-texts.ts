import * as vscode from 'vscode';
import { clearCaches } from './commands/clear-caches.ts';
import { command } from './commands/command.ts';
import { Retrieval } from './commands/retrieve.ts';
import { PassageCommands, selectionHere } from './passages/passage-commands.ts';
import { PassageDecorations } from './passages/passage-decorations.ts';
import { PassageDocuments } from './passages/passage-documents.ts';
import { PassageLenses } from './passages/passage-lenses.ts';
import { SelectionVerdicts } from './passages/selection-verdicts.ts';
import type { Studio } from './studio.ts';
import { createCorporaView } from './views/corpora-view.ts';
import { createDictionariesView } from './views/dictionaries-view.ts';
import { createSelectionsView } from './views/selections-view.ts';

/** A corpus as the view's menu gives it. */
interface CorpusNode {
  readonly item: { readonly name: string };
}

/** Corpora, selections and dictionaries in the editor: their views, their documents, and the commands that make them. */
export function createStoredTexts(studio: Studio): vscode.Disposable {
  const { log, context } = studio;
  const documents = new PassageDocuments(studio);
  const verdicts = new SelectionVerdicts(context.workspaceState);
  const retrieval = new Retrieval(studio, documents, verdicts);
  return vscode.Disposable.from(
    ...[documents, verdicts, new PassageLenses(documents, verdicts)],
    new PassageDecorations(studio, documents, verdicts),
    new PassageCommands(studio, documents, verdicts),
    createCorporaView(studio),
    createSelectionsView(studio, documents, verdicts),
    createDictionariesView(studio),
    command(log, 'ssae.retrieve', (given?: CorpusNode | { readonly seeds?: string; readonly corpus?: string }) =>
      retrieval.ask(given !== undefined && 'item' in given ? { corpus: given.item.name } : given),
    ),
    command(log, 'ssae.applyVerdicts', (given?: { readonly selection?: string }) =>
      retrieval.apply(given?.selection ?? selectionHere()),
    ),
    command(log, 'ssae.clearCaches', () => clearCaches(studio)),
  );
}
