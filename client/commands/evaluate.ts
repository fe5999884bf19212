import * as vscode from 'vscode';
import type { SelectionSummary } from '../../server/protocol/corpus-pages.ts';
import { runJob } from '../daemon/job-progress.ts';
import { askSteps, type Choice, type Prompt } from '../multi-step.ts';
import { addressOf } from '../passages/passage-uri.ts';
import { setting } from '../settings.ts';
import { answered, type Step } from '../steps.ts';
import type { Studio } from '../studio.ts';
import { corpusChoices, countProblem, dictionaryChoices, selectionChoices } from './stored-choices.ts';

interface Answers {
  readonly dictionary: string;
  readonly baseline: string | null;
  readonly corpus: string;
  readonly exclude: readonly SelectionSummary[];
  readonly tokens: string;
}

const TOKENS = '20000';

async function baselineChoices(studio: Studio, dictionary: string): Promise<Choice<string | null>[]> {
  const others = (await dictionaryChoices(studio)).filter(({ value }) => value.name !== dictionary);
  return [
    ...others.map(({ label, description, value }) => ({
      ...{ label, value: value.name },
      ...(description === undefined ? {} : { description }),
    })),
    { label: vscode.l10n.t('None'), description: vscode.l10n.t('figures of the dictionary alone'), value: null },
  ];
}

function stepsOf(studio: Studio): readonly Step<Answers, Prompt>[] {
  return [
    {
      ask: async (prompt, answers) => {
        const reply = await prompt.pick({
          placeholder: vscode.l10n.t('Baseline to compare with'),
          choices: baselineChoices(studio, answers.dictionary),
          isCurrent: (baseline) => baseline === answers.baseline,
        });
        return answered(reply, (baseline) => ({ baseline }), answers);
      },
    },
    {
      ask: async (prompt, answers) => {
        const placeholder = vscode.l10n.t('Corpus that held-out text is drawn from');
        const isCurrent = (corpus: string): boolean => corpus === answers.corpus;
        const reply = await prompt.pick({ placeholder, choices: corpusChoices(studio), isCurrent });
        return answered(reply, (corpus) => ({ corpus }), answers);
      },
    },
    {
      ask: async (prompt, answers) => {
        const placeholder = vscode.l10n.t(
          'Selections that were trained on: held-out text overlaps neither them nor their seeds',
        );
        const ofCorpus = ({ corpus }: SelectionSummary): boolean => corpus === answers.corpus;
        const reply = await prompt.pickMany(placeholder, selectionChoices(studio), ofCorpus);
        return answered(reply, (exclude) => ({ exclude }), answers);
      },
    },
    {
      ask: async (prompt, answers) => {
        const reply = await prompt.input(vscode.l10n.t('Tokens of held-out text'), answers.tokens, countProblem);
        return answered(reply, (tokens) => ({ tokens }), answers);
      },
    },
  ];
}

/** Measures a dictionary against a baseline on held-out text, as a job, and shows the table. */
export async function evaluateDictionary(studio: Studio, dictionary: string): Promise<void> {
  const start: Answers = { dictionary, baseline: setting('baseline'), corpus: '', exclude: [], tokens: TOKENS };
  const answers = await askSteps(vscode.l10n.t('Evaluate {0}', dictionary), stepsOf(studio), start);
  if (answers === null) return;
  const { EvaluateRequest } = await import('../../server/protocol/requests.ts');
  const { baseline, corpus, exclude, tokens } = answers;
  const request = EvaluateRequest.parse({
    ...{ dictionary, baseline, corpus, tokens: Number(tokens) },
    exclude: { selections: exclude.map(({ name }) => name), seeds: [...new Set(exclude.map(({ seeds }) => seeds))] },
  });
  const title = vscode.l10n.t('Evaluating {0}', dictionary);
  const done = await runJob(studio, title, { kind: 'evaluate', request });
  if (done !== null) await showEvaluation(done.id);
}

/** As a rendered page where the editor's Markdown preview is there, else as text. */
export async function showEvaluation(job: string): Promise<void> {
  const uri = vscode.Uri.from(addressOf({ kind: 'evaluation', job }));
  try {
    await vscode.commands.executeCommand('markdown.showPreview', uri);
  } catch {
    await vscode.window.showTextDocument(uri);
  }
}
