import { basename, extname } from 'node:path';
import * as vscode from 'vscode';
import type { IngestRequest } from '../../server/protocol/requests.ts';
import type { IngestResult } from '../../server/protocol/results.ts';
import { runJob } from '../daemon/job-progress.ts';
import { askSteps, type Choice, type Prompt } from '../multi-step.ts';
import { setting } from '../settings.ts';
import { answered, type Step } from '../steps.ts';
import type { Studio } from '../studio.ts';
import { Advice } from './command.ts';
import { asName } from './selection-name.ts';
import { corpusChoices, nameProblem } from './stored-choices.ts';

interface Answers {
  readonly corpus: string;
  readonly textField: string;
  readonly unit: IngestRequest['unit'];
}

const SAMPLE = { corpus: 'wordnet', source: 'builtin:wordnet' };
/** Files of records, which have their text in one field of several. */
const RECORDS = /\.(jsonl|ndjson|csv|tsv)(\.gz)?$/i;
const RECORDS_BELOW = '**/*.{jsonl,ndjson,csv,tsv,jsonl.gz,ndjson.gz,csv.gz,tsv.gz}';

function unitChoices(): Choice<IngestRequest['unit']>[] {
  return [
    {
      label: vscode.l10n.t('Windows'),
      detail: vscode.l10n.t('128 tokens each: what training reads best.'),
      value: 'window',
    },
    { label: vscode.l10n.t('Paragraphs'), detail: vscode.l10n.t('Text between blank lines.'), value: 'paragraph' },
    { label: vscode.l10n.t('Documents'), detail: vscode.l10n.t('A whole file, or a whole record.'), value: 'document' },
  ];
}

function corpusStep(studio: Studio): Step<Answers, Prompt> {
  return {
    ask: async (prompt, answers) => {
      const choices = corpusChoices(studio);
      const known = new Set((await choices).map(({ value }) => value));
      const typed = (name: string): Choice<string> | null =>
        known.has(name) || nameProblem(name) !== null
          ? null
          : { label: name, description: vscode.l10n.t('new corpus'), alwaysShow: true, value: name };
      const proposed = typed(answers.corpus);
      const reply = await prompt.pick<string>({
        placeholder: vscode.l10n.t('Corpus to add to: one that exists, or a new name'),
        choices: choices.then((existing) => (proposed === null ? existing : [proposed, ...existing])),
        ...{ typed, isCurrent: (name) => name === answers.corpus },
      });
      return answered(reply, (corpus) => ({ corpus }), answers);
    },
  };
}

function stepsOf(studio: Studio, hasRecords: boolean, corpus: string | null): readonly Step<Answers, Prompt>[] {
  return [
    ...(corpus === null ? [corpusStep(studio)] : []),
    {
      applies: () => hasRecords,
      ask: async (prompt, answers) => {
        const fieldOf = (field: string): Choice<string> => ({ label: field, alwaysShow: true, value: field });
        const reply = await prompt.pick<string>({
          placeholder: vscode.l10n.t(
            'Field or column that holds the text of a record; type its name where it is none of these',
          ),
          choices: setting('textField.names').map(fieldOf),
          ...{ typed: fieldOf, isCurrent: (field) => field === answers.textField },
        });
        return answered(reply, (textField) => ({ textField }), answers);
      },
    },
    {
      ask: async (prompt, answers) => {
        const placeholder = vscode.l10n.t('What a passage is');
        const isCurrent = (unit: Answers['unit']): boolean => unit === answers.unit;
        return answered(
          await prompt.pick({ placeholder, choices: unitChoices(), isCurrent }),
          (unit) => ({ unit }),
          answers,
        );
      },
    },
  ];
}

async function holdsRecords(uri: vscode.Uri): Promise<boolean> {
  if (RECORDS.test(uri.fsPath)) return true;
  const { type } = await vscode.workspace.fs.stat(uri);
  if ((type & vscode.FileType.Directory) === 0) return false;
  return (await vscode.workspace.findFiles(new vscode.RelativePattern(uri, RECORDS_BELOW), null, 1)).length > 0;
}

/** Adds files and folders to a corpus, asking for what they do not say themselves. */
export async function addToCorpus(studio: Studio, uris: readonly vscode.Uri[], corpus: string | null): Promise<void> {
  const files = uris.filter(({ scheme }) => scheme === 'file');
  if (files.length === 0) throw new Advice(vscode.l10n.t('Only files and folders on disk can be added to a corpus.'));
  const hasRecords = (await Promise.all(files.map(holdsRecords))).some(Boolean);
  const first = files[0]!.fsPath;
  const start: Answers = {
    corpus: corpus ?? asName(basename(first, extname(first))),
    textField: setting('textField.names', files[0])[0] ?? 'text',
    unit: 'window',
  };
  const answers = await askSteps(vscode.l10n.t('Add to Corpus'), stepsOf(studio, hasRecords, corpus), start);
  if (answers !== null) await ingest(studio, { ...answers, sources: files.map(({ fsPath }) => fsPath) });
}

/** Asks for files and folders first. */
export async function addFilesToCorpus(studio: Studio, corpus: string | null): Promise<void> {
  const chosen = await vscode.window.showOpenDialog({
    ...{ canSelectFiles: true, canSelectFolders: true, canSelectMany: true },
    openLabel: vscode.l10n.t('Add to Corpus'),
    title: vscode.l10n.t('Files and folders of text: .txt, .md, .jsonl, .csv, .tsv, each also with .gz'),
  });
  if (chosen !== undefined) await addToCorpus(studio, chosen, corpus);
}

/** WordNet's glosses, which come with the product. */
export async function addSampleCorpus(studio: Studio): Promise<void> {
  await ingest(studio, { corpus: SAMPLE.corpus, sources: [SAMPLE.source], textField: 'text', unit: 'document' });
}

async function ingest(studio: Studio, given: Answers & { readonly sources: string[] }): Promise<void> {
  const { IngestRequest } = await import('../../server/protocol/requests.ts');
  const title = vscode.l10n.t('Adding to corpus {0}', given.corpus);
  const done = await runJob(studio, title, { kind: 'ingest', request: IngestRequest.parse(given) });
  if (done?.result != null) await tellIngested(studio, done.result as IngestResult);
}

async function tellIngested({ log }: Studio, result: IngestResult): Promise<void> {
  const { corpus, passages, tokens, duplicates, skipped, skippedTotal } = result;
  for (const { source, line, reason } of skipped)
    log.warn(`${corpus}: ${source}${line === null ? '' : `:${line}`}: ${reason}`);
  const [browse, showLog] = [vscode.l10n.t('Browse'), vscode.l10n.t('Show Log')];
  const parts = [
    vscode.l10n.t('{0}: {1} passages added, {2} tokens.', corpus, counted(passages), counted(tokens)),
    ...(duplicates === 0 ? [] : [vscode.l10n.t('{0} were stored already.', counted(duplicates))]),
    ...(skippedTotal === 0 ? [] : [vscode.l10n.t('{0} records could not be read.', counted(skippedTotal))]),
  ];
  const told =
    skippedTotal === 0
      ? vscode.window.showInformationMessage(parts.join(' '), browse)
      : vscode.window.showWarningMessage(parts.join(' '), browse, showLog);
  const answer = await told;
  if (answer === showLog) log.show(true);
  if (answer === browse) await vscode.commands.executeCommand('ssae.browseCorpus', { corpus });
}

function counted(value: number): string {
  return value.toLocaleString(vscode.env.language);
}
