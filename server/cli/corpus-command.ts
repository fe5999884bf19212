import type { CorpusSummary, IngestResult } from '../protocol/results.ts';
import type { CliCommand } from './cli-command.ts';
import { count, counted, duration } from './figures.ts';
import type { Outcome, Shell } from './shell.ts';
import { record, table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { parseRequest } from './usage.ts';
import { anyText, oneOf, wholeNumber } from './values.ts';

const SKIPPED_SHOWN = 10;

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
              corpus.name,
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
  corpus.example('ssae corpus add papers papers.jsonl', 'Ingest a file').example('ssae corpus list', 'See all corpora');
}
