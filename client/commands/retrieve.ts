import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { SelectionResult } from '../../server/protocol/corpus-pages.ts';
import type { RetrieveRequest } from '../../server/protocol/requests.ts';
import { runJob } from '../daemon/job-progress.ts';
import { askSteps, type Choice, type Prompt } from '../multi-step.ts';
import type { PassageDocuments } from '../passages/passage-documents.ts';
import type { SelectionVerdicts } from '../passages/selection-verdicts.ts';
import { setting } from '../settings.ts';
import { answered, type Step } from '../steps.ts';
import type { Studio } from '../studio.ts';
import { Advice } from './command.ts';
import { selectionName } from './selection-name.ts';
import { corpusChoices, countProblem, dictionaryChoices, nameProblem, seedChoices } from './stored-choices.ts';

type Arm = RetrieveRequest['arm'];

interface Answers {
  readonly seeds: string;
  readonly corpus: string;
  readonly arm: Arm;
  readonly dictionary: string;
  readonly tokens: number;
  readonly output: string;
}

const ANSWERS = 'ssae.retrieve.answers';

function armChoices(): Choice<Arm>[] {
  const sentences: Record<Arm, string> = {
    bm25: vscode.l10n.t('By words: passages that share the seeds’ rarer words, all seeds as one query.'),
    dense: vscode.l10n.t('By meaning: sentence vectors nearest to what the seeds share and the corpus does not.'),
    'bm25+tracin': vscode.l10n.t(
      'By words, then reranked by influence: whose gradients on the dictionary agree with the seeds’.',
    ),
    'dense+tracin': vscode.l10n.t('By meaning, then reranked by influence on the dictionary.'),
    random: vscode.l10n.t('At random: the control that says what the other arms are worth.'),
    seeds: vscode.l10n.t('The seeds themselves, nothing from the corpus: the other control.'),
  };
  return Object.entries(sentences).map(([arm, detail]) => ({ label: arm, detail, value: arm as Arm }));
}

function needsDictionary({ arm }: Answers): boolean {
  return arm.endsWith('+tracin');
}

function stepsOf(studio: Studio): readonly Step<Answers, Prompt>[] {
  return [
    {
      ask: async (prompt, answers) => {
        const placeholder = vscode.l10n.t('Seed set: the text that says what to look for');
        const choices = someOf(
          seedChoices(studio),
          vscode.l10n.t('There is no seed set yet: select text and add it as a seed.'),
        );
        const reply = await prompt.pick({ placeholder, choices, isCurrent: (seeds) => seeds === answers.seeds });
        return answered(reply, (seeds) => ({ seeds }), answers);
      },
    },
    {
      ask: async (prompt, answers) => {
        const placeholder = vscode.l10n.t('Corpus to look in');
        const choices = someOf(
          corpusChoices(studio),
          vscode.l10n.t('There is no corpus yet: add one in the view "Corpora".'),
        );
        const reply = await prompt.pick({ placeholder, choices, isCurrent: (corpus) => corpus === answers.corpus });
        return answered(reply, (corpus) => ({ corpus }), answers);
      },
    },
    {
      ask: async (prompt, answers) => {
        const placeholder = vscode.l10n.t('Arm: how passages are ranked');
        const isCurrent = (arm: Arm): boolean => arm === answers.arm;
        return answered(
          await prompt.pick({ placeholder, choices: armChoices(), isCurrent }),
          (arm) => ({ arm }),
          answers,
        );
      },
    },
    {
      applies: needsDictionary,
      ask: async (prompt, answers) => {
        const placeholder = vscode.l10n.t('Dictionary whose gradients passages are scored by');
        const reply = await prompt.pick({
          ...{ placeholder, choices: dictionaryChoices(studio) },
          isCurrent: ({ name }) => name === answers.dictionary,
        });
        return answered(reply, ({ name }) => ({ dictionary: name }), answers);
      },
    },
    {
      ask: async (prompt, answers) => {
        const question = vscode.l10n.t('Budget: tokens of the selection');
        const reply = await prompt.input(question, String(answers.tokens), countProblem);
        return answered(reply, (tokens) => ({ tokens: Number(tokens) }), answers);
      },
    },
    {
      ask: async (prompt, answers) => {
        const question = vscode.l10n.t('Name of the selection; one that exists is replaced');
        const proposed = selectionName(basename(answers.seeds, '.jsonl'), answers.corpus, answers.arm);
        return answered(await prompt.input(question, proposed, nameProblem), (output) => ({ output }), answers);
      },
    },
  ];
}

/** @throws Error saying `otherwise` where there is nothing to choose from */
async function someOf<Value>(choices: Promise<Choice<Value>[]>, otherwise: string): Promise<Choice<Value>[]> {
  const some = await choices;
  if (some.length === 0) throw new Advice(otherwise);
  return some;
}

/** What was answered last in this workspace, over the defaults. The budget of the settings holds until another was given. */
function startingAnswers({ context, dictionary }: Studio, given: Partial<Answers>): Answers {
  const defaults = { seeds: '', corpus: '', arm: 'bm25' as const, dictionary: dictionary.name };
  const last = context.workspaceState.get<Partial<Answers>>(ANSWERS);
  return { ...defaults, tokens: setting('retrieve.tokens'), output: '', ...last, ...given };
}

/** Chooses passages for a seed set, step by step, and shows the selection. */
export class Retrieval {
  readonly #studio: Studio;
  readonly #documents: PassageDocuments;
  readonly #verdicts: SelectionVerdicts;

  constructor(studio: Studio, documents: PassageDocuments, verdicts: SelectionVerdicts) {
    this.#studio = studio;
    this.#documents = documents;
    this.#verdicts = verdicts;
  }

  /** @param given answers that are offered first: {seeds} from a seed set, {corpus} from a corpus */
  async ask(given: Partial<Pick<Answers, 'seeds' | 'corpus'>> = {}): Promise<void> {
    const title = vscode.l10n.t('Retrieve Passages');
    const answers = await askSteps(title, stepsOf(this.#studio), startingAnswers(this.#studio, given));
    if (answers === null) return;
    await this.#studio.context.workspaceState.update(ANSWERS, answers);
    const { seeds, corpus, arm, tokens, output } = answers;
    const dictionary = needsDictionary(answers) ? answers.dictionary : null;
    await this.#run({ seeds, corpus, arm, tokens, dictionary, output });
  }

  /** Retrieves a selection again, its budget filled anew around what was pinned and without what was struck. */
  async apply(name: string): Promise<void> {
    const { ShowSelection } = await import('../../server/protocol/messages.ts');
    const selection = await this.#studio.link.request(ShowSelection, { name });
    const { seeds, corpus, arm, budget, dictionary, candidates, seed }: SelectionResult = selection;
    const { pinned, struck } = this.#verdicts.of(selection);
    const decided = { pinned: [...pinned], struck: [...struck] };
    await this.#run({
      seeds,
      corpus,
      arm: arm as Arm,
      tokens: budget,
      dictionary,
      candidates,
      seed,
      ...decided,
      output: name,
    });
  }

  async #run(
    given: Partial<RetrieveRequest> & Pick<RetrieveRequest, 'seeds' | 'corpus' | 'arm' | 'tokens'> & { output: string },
  ): Promise<void> {
    const { RetrieveRequest } = await import('../../server/protocol/requests.ts');
    const request = RetrieveRequest.parse(given);
    const title = vscode.l10n.t('Retrieving {0}', given.output);
    if ((await runJob(this.#studio, title, { kind: 'retrieve', request })) === null) return;
    await this.#verdicts.forget(given.output);
    this.#documents.refreshSelection(given.output);
    await this.#documents.open({ kind: 'selection', selection: given.output });
  }
}
