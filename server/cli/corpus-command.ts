import type { BrowseCorpusResult } from '../protocol/corpus-pages.ts';
import type { CorpusSummary, IngestResult } from '../protocol/results.ts';
import type { CliCommand } from './cli-command.ts';
import { count, counted, duration } from './figures.ts';
import { passageTable } from './passage-table.ts';
import type { Outcome, Shell } from './shell.ts';
import { record, table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { parseRequest } from './usage.ts';
import { anyText, oneOf, wholeNumber } from './values.ts';

const SKIPPED_SHOWN = 10;
const PARTIAL = 'partial: adding sources is under way, or was cut short; add them again to take in what is missing';

interface AddOptions {
  readonly textField: string;
  readonly idField?: string;
  readonly unit: 'document' | 'paragraph' | 'window';
  readonly windowTokens: number;
}

async function add(shell: Shell, corpus: string, sources: string[], options: AddOptions): Promise<Outcome> {
  const { IngestRequest } = await import('../protocol/requests.ts');
  const request = parseRequest(IngestRequest, { ...options, corpus, sources });
  const json = await shell.withServices((services) => services.ingest(request, shell.control));
  return { json, text: (terminal) => ingested(terminal, json) };
}

function ingested(terminal: Terminal, result: IngestResult): string {
  const lines = [
    `${result.corpus}: ${counted(result.passages, 'passage')} of ${counted(result.documents, 'document')}, ` +
      `${counted(result.tokens, 'token')}, in ${duration(result.seconds)}`,
  ];
  if (result.duplicates > 0)
    lines.push(`${counted(result.duplicates, 'passage')} repeated one that was stored already`);
  if (result.skippedTotal > 0) {
    lines.push(terminal.chalk.yellow(`${counted(result.skippedTotal, 'record')} could not be read:`));
    for (const { source, line, reason } of result.skipped.slice(0, SKIPPED_SHOWN))
      lines.push(`  ${source}${line === null ? '' : `:${line}`}  ${reason}`);
    const more = result.skippedTotal - Math.min(result.skipped.length, SKIPPED_SHOWN);
    if (more > 0) lines.push(`  and ${count(more)} more`);
  }
  return lines.join('\n');
}

async function list(shell: Shell): Promise<Outcome> {
  const json = await shell.withServices((services) => services.listCorpora());
  return {
    json,
    text: (terminal) =>
      json.length === 0
        ? 'There is no corpus yet. Add one with: ssae corpus add NAME SOURCE…'
        : table(
            terminal,
            [
              { title: 'corpus', kind: 'name' },
              { title: 'documents', kind: 'number' },
              { title: 'passages', kind: 'number' },
              { title: 'tokens', kind: 'number' },
              { title: 'sources', kind: 'snippet' },
            ],
            json.map((corpus) => [
              corpus.partial ? `${corpus.name} (partial)` : corpus.name,
              count(corpus.documents),
              count(corpus.passages),
              count(corpus.tokens),
              corpus.sources.join(', '),
            ]),
          ),
  };
}

function shown(terminal: Terminal, corpus: CorpusSummary): string {
  return record(terminal, [
    ['corpus', corpus.name],
    ['documents', count(corpus.documents)],
    ['passages', count(corpus.passages)],
    ['tokens', count(corpus.tokens)],
    ['sources', corpus.sources.join('\n')],
    ['created', corpus.created],
    ...(corpus.partial ? ([['state', PARTIAL]] as const) : []),
  ]);
}

async function show(shell: Shell, name: string): Promise<Outcome> {
  const json = await shell.withServices((services) => services.showCorpus(name));
  return { json, text: (terminal) => shown(terminal, json) };
}

async function remove(shell: Shell, name: string): Promise<Outcome> {
  await shell.withServices((services) => services.removeCorpus(name));
  return { json: { removed: name }, text: () => `removed corpus ${name}` };
}

function addAdd(corpus: CliCommand, shell: Shell): void {
  corpus
    .command('add <name> <sources...>')
    .description(
      'ingest text into a corpus: .txt .md .jsonl(.gz) .csv .tsv files, folders, globs, or a built-in source. Adding the same source again adds nothing twice; an interrupted run goes on where it stopped',
    )
    .takes('--text-field <field>', 'field that holds the text of a record', anyText, { default: 'text' })
    .takes('--id-field <field>', "field that holds a record's id (default: its line number)", anyText)
    .takes('--unit <unit>', 'what a passage is', oneOf(['document', 'paragraph', 'window']), { default: 'window' })
    .takes('--window-tokens <tokens>', 'length of a window, in tokens', wholeNumber(8, 100_000), { default: 128 })
    .example('ssae corpus add glosses builtin:wordnet', 'The built-in glosses of WordNet, with their domain labels')
    .example(
      'ssae corpus add papers abstracts.jsonl.gz --text-field abstract --id-field id',
      'Records of a JSON-lines file',
    )
    .example('ssae corpus add notes ~/notes "archive/**/*.md" --unit paragraph', 'A folder and a glob, by paragraph')
    .action((name: string, sources: string[], options: AddOptions) => shell.finish(add(shell, name, sources, options)));
}

interface BrowseOptions {
  readonly query?: string;
  readonly offset: number;
  readonly limit: number;
}

async function browse(shell: Shell, corpus: string, { query, offset, limit }: BrowseOptions): Promise<Outcome> {
  const { BrowseCorpusRequest } = await import('../protocol/corpus-pages.ts');
  const request = parseRequest(BrowseCorpusRequest, { corpus, offset, limit, query: query ?? null });
  const json = await shell.withServices((services) => services.browseCorpus(request));
  return { json, text: (terminal) => browsed(terminal, json) };
}

function browsed(terminal: Terminal, { query, offset, total, capped, passages }: BrowseCorpusResult): string {
  const all = `${capped ? 'at least ' : ''}${counted(total, 'passage')}${query === null ? '' : ` for "${query}"`}`;
  if (passages.length === 0)
    return total === 0 ? `no passage for "${query ?? ''}"` : `${all}; none at ${count(offset)}`;
  return `${passageTable(terminal, passages, offset)}\n\n${count(offset + 1)} to ${count(offset + passages.length)} of ${all}`;
}

function addBrowse(corpus: CliCommand, shell: Shell): void {
  corpus
    .command('browse <corpus>')
    .description('passages of a corpus: in its own order, or those that a search by words (BM25) finds')
    .takes('--query <words>', 'words to search for', anyText)
    .takes('--offset <n>', 'passages to pass over', wholeNumber(0), { default: 0 })
    .takes('--limit <n>', 'passages to show', wholeNumber(1, 500), { default: 50 })
    .example('ssae corpus browse papers', 'The first passages')
    .example(
      'ssae corpus browse papers --query "entropy of black holes" --offset 50',
      'What a search finds, second page',
    )
    .action((name: string, options: BrowseOptions) => shell.finish(browse(shell, name, options)));
}

export function addCorpus(program: CliCommand, shell: Shell): void {
  const corpus = program.command('corpus').description('corpora: the text that is searched and trained on');
  addAdd(corpus, shell);
  corpus
    .command('list')
    .description('all corpora')
    .example('ssae corpus list', 'A table of all corpora')
    .action(() => shell.finish(list(shell)));
  corpus
    .command('show <corpus>')
    .description('one corpus: size, sources, when it was made')
    .example('ssae corpus show papers', 'What is in the corpus "papers"')
    .action((name: string) => shell.finish(show(shell, name)));
  corpus
    .command('remove <corpus>')
    .description('delete a corpus; the files it was made from stay')
    .example('ssae corpus remove papers', 'Delete the corpus "papers"')
    .action((name: string) => shell.finish(remove(shell, name)));
  addBrowse(corpus, shell);
  corpus.example('ssae corpus add papers papers.jsonl', 'Ingest a file').example('ssae corpus list', 'See all corpora');
}
