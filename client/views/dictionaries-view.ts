import * as vscode from 'vscode';
import type { DictionarySummary } from '../../server/protocol/results.ts';
import { command } from '../commands/command.ts';
import { evaluateDictionary } from '../commands/evaluate.ts';
import { describe, dictionaries } from '../commands/stored-choices.ts';
import type { Studio } from '../studio.ts';
import { agrees, nameOf, StoredView, type Named, type StoredKind } from './stored-view.ts';

/** Ships with the product and cannot be removed. */
const BUILTIN = 'builtin-gsae';

function kindOf(current: () => string): StoredKind<DictionarySummary> {
  return {
    view: 'ssae.dictionaries',
    madeBy: ['train', 'finetune', 'demo'],
    list: dictionaries,
    show(dictionary) {
      const { name, bytes, path, contentHash } = dictionary;
      const isCurrent = name === current();
      const item = new vscode.TreeItem(name);
      item.description = isCurrent ? vscode.l10n.t('in use · {0}', describe(dictionary)) : describe(dictionary);
      const megabytes = vscode.l10n.t('{0} MB', (bytes / 1e6).toFixed(1));
      item.tooltip = [describe(dictionary), megabytes, path, contentHash].join('\n');
      item.iconPath = new vscode.ThemeIcon(isCurrent ? 'check' : 'symbol-array');
      item.contextValue = `ssae.dictionary${isCurrent ? '.current' : ''}${name === BUILTIN ? '.builtin' : ''}`;
      return item;
    },
  };
}

async function pick(studio: Studio, placeHolder: string): Promise<string | null> {
  const items = (await dictionaries(studio)).map((each) => ({ label: each.name, description: describe(each) }));
  return (await vscode.window.showQuickPick(items, { placeHolder, matchOnDescription: true }))?.label ?? null;
}

/** The view "Dictionaries" and its commands. */
export function createDictionariesView(studio: Studio): vscode.Disposable {
  const { log, dictionary } = studio;
  const view = new StoredView(
    studio,
    kindOf(() => dictionary.name),
  );
  const refresh = (): void => {
    view.refresh();
  };
  return vscode.Disposable.from(
    view,
    dictionary.onDidChange(refresh),
    command(log, 'ssae.refreshDictionaries', refresh),
    command(log, 'ssae.useDictionary', async (given?: Named) => {
      const name = nameOf(given) ?? (await pick(studio, vscode.l10n.t('Dictionary to read text with')));
      if (name !== null) await dictionary.choose(name);
    }),
    command(log, 'ssae.evaluateDictionary', async (given?: Named) => {
      const name = nameOf(given) ?? (await pick(studio, vscode.l10n.t('Dictionary to evaluate')));
      if (name !== null) await evaluateDictionary(studio, name);
    }),
    command(log, 'ssae.removeDictionary', async (given?: Named) => {
      const name = nameOf(given) ?? (await pick(studio, vscode.l10n.t('Dictionary to remove')));
      if (name === null) return;
      const question = vscode.l10n.t('Remove dictionary {0}?', name);
      const detail = vscode.l10n.t('Its weights, labels and training history are deleted for good.');
      if (!(await agrees(question, detail, vscode.l10n.t('Remove')))) return;
      const { RemoveDictionary } = await import('../../server/protocol/messages.ts');
      await studio.link.request(RemoveDictionary, { name });
      refresh();
    }),
  );
}
