import * as vscode from 'vscode';
import type { CorpusSummary } from '../../server/protocol/results.ts';
import { command } from '../commands/command.ts';
import { addFilesToCorpus, addSampleCorpus, addToCorpus } from '../commands/ingest.ts';
import { pickCorpus } from '../commands/stored-choices.ts';
import type { Studio } from '../studio.ts';
import { agrees, nameOf, StoredView, type Named, type StoredKind } from './stored-view.ts';

const MAX_SOURCES = 10;

function counted(value: number): string {
  return value.toLocaleString(vscode.env.language);
}

function tooltipOf({ sources, documents, created, partial }: CorpusSummary): string {
  const more = sources.length - MAX_SOURCES;
  return [
    ...(partial
      ? [
          vscode.l10n.t(
            'Partial: adding sources is under way, or was cut short. Add them again to take in what is missing.',
          ),
        ]
      : []),
    vscode.l10n.t('{0} documents, made {1}', counted(documents), new Date(created).toLocaleString(vscode.env.language)),
    ...sources.slice(0, MAX_SOURCES),
    ...(more > 0 ? [vscode.l10n.t('and {0} more', more)] : []),
  ].join('\n');
}

const corpora: StoredKind<CorpusSummary> = {
  view: 'ssae.corpora',
  madeBy: ['ingest', 'demo'],
  async list({ link }) {
    const { ListCorpora } = await import('../../server/protocol/messages.ts');
    return link.request(ListCorpora, {});
  },
  show(corpus) {
    const { name, passages, tokens, partial } = corpus;
    const item = new vscode.TreeItem(name);
    const figures = vscode.l10n.t('{0} passages, {1} tokens', counted(passages), counted(tokens));
    item.description = partial ? vscode.l10n.t('{0} · partial', figures) : figures;
    item.tooltip = tooltipOf(corpus);
    item.iconPath = new vscode.ThemeIcon(partial ? 'warning' : 'database');
    item.contextValue = 'ssae.corpus';
    item.command = { command: 'ssae.browseCorpus', title: vscode.l10n.t('Browse'), arguments: [{ corpus: name }] };
    return item;
  },
};

async function remove(studio: Studio, given: Named | undefined): Promise<void> {
  const name = nameOf(given) ?? (await pickCorpus(studio, vscode.l10n.t('Corpus to remove')));
  if (name === null) return;
  const question = vscode.l10n.t('Remove corpus {0}?', name);
  const detail = vscode.l10n.t('The files it was made from stay. Selections keep their passages.');
  if (!(await agrees(question, detail, vscode.l10n.t('Remove')))) return;
  const { RemoveCorpus } = await import('../../server/protocol/messages.ts');
  await studio.link.request(RemoveCorpus, { name });
}

/** The view "Corpora" and the commands that add to corpora and remove them. */
export function createCorporaView(studio: Studio): vscode.Disposable {
  const view = new StoredView(studio, corpora);
  const { log } = studio;
  return vscode.Disposable.from(
    view,
    command(log, 'ssae.refreshCorpora', () => {
      view.refresh();
    }),
    command(log, 'ssae.addToCorpus', (uri?: vscode.Uri, uris?: readonly vscode.Uri[]) =>
      uri === undefined ? addFilesToCorpus(studio, null) : addToCorpus(studio, uris ?? [uri], null),
    ),
    command(log, 'ssae.addFilesToCorpus', (given?: Named) => addFilesToCorpus(studio, nameOf(given))),
    command(log, 'ssae.addSampleCorpus', () => addSampleCorpus(studio)),
    command(log, 'ssae.removeCorpus', async (given?: Named) => {
      await remove(studio, given);
      view.refresh();
    }),
  );
}
