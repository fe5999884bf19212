import * as vscode from 'vscode';
import type { SelectionSummary } from '../../server/protocol/corpus-pages.ts';
import type { Objective } from '../../server/protocol/requests.ts';
import type { DictionarySummary } from '../../server/protocol/results.ts';
import { finetuningBatch, passesOf, proposedAmount, stepsOf } from '../../server/protocol/training-amount.ts';
import { askSteps, type Choice, type Prompt } from '../multi-step.ts';
import { answered, type Step } from '../steps.ts';
import type { Studio } from '../studio.ts';
import { Advice } from './command.ts';
import { asName } from './selection-name.ts';
import { countProblem, dictionaries, dictionaryChoices, nameProblem, selectionChoices } from './stored-choices.ts';

type ObjectiveKind = 'erm' | 'held' | 'relative' | 'raw';

interface Answers {
  readonly selection: SelectionSummary | null;
  readonly from: DictionarySummary | null;
  readonly objective: ObjectiveKind;
  readonly tilt: string;
  readonly tokens: string;
  readonly output: string;
}

function objectiveChoices(): Choice<ObjectiveKind>[] {
  return [
    {
      label: 'ERM',
      detail: vscode.l10n.t('The mean loss: every token counts the same. Begin here.'),
      value: 'erm',
    },
    {
      label: vscode.l10n.t('TERM, effective sample size held'),
      detail: vscode.l10n.t(
        'Tokens with a high loss count more, by the tilt at which a share of the batch counts: nothing to tune to the model. In our measurements TERM did not help.',
      ),
      value: 'held',
    },
    {
      label: vscode.l10n.t('TERM, relative tilt τ'),
      detail: vscode.l10n.t(
        'Tokens with a high loss count more, by τ over the batch’s mean loss. In our measurements TERM did not help.',
      ),
      value: 'relative',
    },
    {
      label: vscode.l10n.t('TERM, raw tilt t'),
      detail: vscode.l10n.t('The tilt of the formula as it is: not free of scale, for comparison with other code.'),
      value: 'raw',
    },
  ];
}

function tiltProblem(text: string): string | null {
  return /^\d+(\.\d+)?(e-?\d+)?$/i.test(text) && Number.isFinite(Number(text))
    ? null
    : vscode.l10n.t('A number of at least 0.');
}

function shareProblem(text: string): string | null {
  const share = Number(text);
  return tiltProblem(text) === null && share > 0 && share <= 1
    ? null
    : vscode.l10n.t('A number above 0 and at most 1.');
}

/** What is asked for an objective that tilts. */
function tiltQuestion(objective: ObjectiveKind): string {
  if (objective === 'held')
    return vscode.l10n.t(
      'Share of the batch that counts, 1 / Σ w² over its tokens. In our measurements TERM did not help.',
    );
  return objective === 'relative'
    ? vscode.l10n.t('τ: the tilt is τ over the mean loss of the batch. In our measurements TERM did not help.')
    : vscode.l10n.t('t: the tilt itself. In our measurements TERM did not help.');
}

function sourceSteps(studio: Studio): readonly Step<Answers, Prompt>[] {
  return [
    {
      ask: async (prompt, answers) => {
        const choices = selectionChoices(studio).then((some) => {
          if (some.length > 0) return some;
          throw new Advice(vscode.l10n.t('There is no selection yet; make one with "Retrieve Passages…".'));
        });
        const placeholder = vscode.l10n.t('Selection to finetune on');
        const isCurrent = ({ name }: SelectionSummary): boolean => name === answers.selection?.name;
        const reply = await prompt.pick({ placeholder, choices, isCurrent });
        // What suits this selection, whatever was proposed for another.
        return answered(reply, (chosen) => ({ selection: chosen, tokens: tokensFor(chosen) }), answers);
      },
    },
    {
      ask: async (prompt, answers) => {
        const placeholder = vscode.l10n.t('Dictionary to begin from; its model and hook point are read');
        const wanted = answers.from?.name ?? studio.dictionary.name;
        const isCurrent = ({ name }: DictionarySummary): boolean => name === wanted;
        const reply = await prompt.pick({ placeholder, choices: dictionaryChoices(studio), isCurrent });
        return answered(reply, (from) => ({ from }), answers);
      },
    },
  ];
}

function trainingSteps(taken: ReadonlySet<string>): readonly Step<Answers, Prompt>[] {
  return [
    {
      ask: async (prompt, answers) => {
        const placeholder = vscode.l10n.t('Objective');
        const isCurrent = (kind: ObjectiveKind): boolean => kind === answers.objective;
        const reply = await prompt.pick({ placeholder, choices: objectiveChoices(), isCurrent });
        const proposed = (objective: ObjectiveKind): string => (objective === 'held' ? '0.5' : '1');
        const put = (objective: ObjectiveKind): Partial<Answers> =>
          objective === answers.objective ? { objective } : { objective, tilt: proposed(objective) };
        return answered(reply, put, answers);
      },
    },
    {
      applies: ({ objective }) => objective !== 'erm',
      ask: async (prompt, answers) => {
        const question = tiltQuestion(answers.objective);
        const problem = answers.objective === 'held' ? shareProblem : tiltProblem;
        return answered(await prompt.input(question, answers.tilt, problem), (tilt) => ({ tilt }), answers);
      },
    },
    {
      ask: async (prompt, answers) => {
        const question = (tokens: string): string => amountWords(Number(tokens), answers.selection?.tokens ?? 0);
        return answered(await prompt.input(question, answers.tokens, countProblem), (tokens) => ({ tokens }), answers);
      },
    },
    {
      ask: async (prompt, answers) => {
        const objective = answers.objective === 'erm' ? 'erm' : 'term';
        const proposed = asName(`${answers.selection?.name ?? ''}-${objective}`);
        const problem = (name: string): string | null =>
          nameProblem(name) ?? (taken.has(name) ? vscode.l10n.t('There is a dictionary of this name already.') : null);
        const reply = await prompt.input(vscode.l10n.t('Name of the new dictionary'), proposed, problem);
        return answered(reply, (output) => ({ output }), answers);
      },
    },
  ];
}

function tokensFor(selection: SelectionSummary | null): string {
  return selection === null ? '' : String(proposedAmount(selection.tokens).tokens);
}

function amountWords(tokens: number, selection: number): string {
  const amount = { tokens, batch: finetuningBatch(selection, tokens) };
  return vscode.l10n.t(
    'Tokens to train on. That is {0} passes over the selection, {1} steps of {2} tokens. The training panel estimates the time.',
    ...[passesOf(tokens, selection), stepsOf(amount), amount.batch],
  );
}

function objectiveOf({ objective, tilt }: Answers): Objective {
  const strength = Number(tilt);
  switch (objective) {
    case 'erm':
      return { kind: 'erm' };
    case 'held':
      return { kind: 'term', tilt: { kind: 'sample_size', share: strength }, tilts: 'loss' };
    case 'relative':
      return { kind: 'term', tilt: { kind: 'relative', tau: strength }, tilts: 'loss' };
    case 'raw':
      return { kind: 'term', tilt: { kind: 'raw', t: strength }, tilts: 'loss' };
  }
}

/** Finetunes a dictionary on a selection as a job, and shows how it trains. */
export async function finetune(studio: Studio, given: { readonly selection?: string } = {}): Promise<void> {
  const [known, selections] = await Promise.all([dictionaries(studio), selectionChoices(studio)]);
  const selection = selections.find(({ value }) => value.name === given.selection)?.value ?? null;
  const start: Answers = {
    ...{ selection, from: null, objective: 'erm', tilt: '1', output: '' },
    tokens: tokensFor(selection),
  };
  const [selectionStep, ...others] = sourceSteps(studio);
  const steps = [
    ...(selection === null ? [selectionStep!] : []),
    ...others,
    ...trainingSteps(new Set(known.map(({ name }) => name))),
  ];
  const answers = await askSteps(vscode.l10n.t('Finetune'), steps, start);
  if (answers?.from?.model == null || answers.from.hookPoint === null || answers.selection === null) return;
  const { FinetuneRequest } = await import('../../server/protocol/requests.ts');
  const { from, output } = answers;
  const request = FinetuneRequest.parse({
    data: { kind: 'selection', model: from.model, hookPoint: from.hookPoint, selection: answers.selection.name },
    ...{ from: from.name, objective: objectiveOf(answers), tokens: Number(answers.tokens), output },
    batch: finetuningBatch(answers.selection.tokens, Number(answers.tokens)),
  });
  const { id } = await studio.jobs.start({ kind: 'finetune', request });
  await vscode.commands.executeCommand('ssae.showTraining', { job: id });
}
