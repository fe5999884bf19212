import { relative } from 'node:path';
import * as vscode from 'vscode';
import { corpusChoices, countProblem, seedChoices } from '../commands/stored-choices.ts';
import { askSteps, type Choice, type Prompt } from '../multi-step.ts';
import { setting } from '../settings.ts';
import { answered, type Step } from '../steps.ts';
import type { Studio } from '../studio.ts';
import { conceptOf, experimentTemplate, type TemplateCorpus, type TemplateSeeds } from './experiment-template.ts';

interface Answers {
  readonly seeds: TemplateSeeds;
  readonly corpus: TemplateCorpus;
  readonly domain: TemplateCorpus;
  readonly tokens: string;
}

/** Built-in texts that a corpus can be made of: see `server/corpus/sample-corpora.ts`. */
const BUILTIN = ['wordnet', 'moby-dick', 'sotu'];
const MAX_NUMBER = 1000;

/** Asks what an experiment is about and opens it as a file that is not saved yet. */
export async function newExperiment(studio: Studio): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri ?? null;
  const wordnet = { kind: 'builtin', name: 'wordnet' } as const;
  const start: Answers = {
    ...{ seeds: { kind: 'written' }, corpus: wordnet, domain: wordnet },
    tokens: String(setting('retrieve.tokens')),
  };
  const answers = await askSteps(vscode.l10n.t('New Experiment'), stepsOf(studio, folder), start);
  if (answers === null) return;
  const { seeds, corpus, domain, tokens } = answers;
  const dictionary = studio.dictionary.name;
  const text = experimentTemplate({ dictionary, seeds, corpus, domain, tokens: Number(tokens) });
  await openUnsaved(await freeName(folder, conceptOf(seeds)), text);
}

function stepsOf(studio: Studio, folder: vscode.Uri | null): readonly Step<Answers, Prompt>[] {
  const pickCorpus =
    (key: 'corpus' | 'domain', placeholder: () => string): Step<Answers, Prompt>['ask'] =>
    async (prompt, answers) => {
      const isCurrent = ({ kind, name }: TemplateCorpus): boolean =>
        kind === answers[key].kind && name === answers[key].name;
      const reply = await prompt.pick({ placeholder: placeholder(), choices: corpora(studio), isCurrent });
      // Held-out text is drawn from the corpus that is searched unless somebody has better: what is retrieved is left out of it.
      return answered(reply, (corpus) => (key === 'corpus' ? { corpus, domain: corpus } : { domain: corpus }), answers);
    };
  return [
    {
      ask: async (prompt, answers) => {
        const placeholder = vscode.l10n.t('Seeds that show the rare concept');
        const reply = await prompt.pick({ placeholder, choices: seeds(studio, folder) });
        return answered(reply, (seeds) => ({ seeds }), answers);
      },
    },
    { ask: pickCorpus('corpus', () => vscode.l10n.t('Corpus that is searched')) },
    { ask: pickCorpus('domain', () => vscode.l10n.t('Corpus that held-out text of the domain is drawn from')) },
    {
      ask: async (prompt, answers) => {
        const reply = await prompt.input(vscode.l10n.t('Tokens of each selection'), answers.tokens, countProblem);
        return answered(reply, (tokens) => ({ tokens }), answers);
      },
    },
  ];
}

async function seeds(studio: Studio, folder: vscode.Uri | null): Promise<Choice<TemplateSeeds>[]> {
  const known = await seedChoices(studio);
  return [
    ...known.map(({ value, ...item }) => ({
      ...item,
      value: { ...referenceOf(value, folder), name: item.label },
    })),
    { label: vscode.l10n.t('$(edit) Write them in the experiment'), value: { kind: 'written' } },
  ];
}

/** Files by their path from the experiment, so that the folder can be moved. */
function referenceOf(value: string, folder: vscode.Uri | null): { kind: 'stored' | 'file'; reference: string } {
  if (!/[\\/]/.test(value)) return { kind: 'stored', reference: value };
  if (folder === null) return { kind: 'file', reference: value };
  const path = relative(folder.fsPath, value).replaceAll('\\', '/');
  return { kind: 'file', reference: path.startsWith('..') ? value : path };
}

async function corpora(studio: Studio): Promise<Choice<TemplateCorpus>[]> {
  const stored = await corpusChoices(studio);
  const names = new Set(stored.map(({ value }) => value));
  return [
    ...stored.map(({ value, ...item }) => ({ ...item, value: { kind: 'stored' as const, name: value } })),
    ...BUILTIN.filter((name) => !names.has(name)).map((name) => ({
      ...{ label: name, value: { kind: 'builtin' as const, name } },
      description: vscode.l10n.t('built-in text, made when the experiment runs'),
    })),
  ];
}

/** NAME.ssae.json, or NAME-2 and so on where that is taken. */
async function freeName(folder: vscode.Uri | null, concept: string): Promise<vscode.Uri> {
  const open = new Set(vscode.workspace.textDocuments.map(({ uri }) => uri.path));
  for (let i = 1; i < MAX_NUMBER; i++) {
    const name = `${concept}${i === 1 ? '' : `-${i}`}.ssae.json`;
    const uri = folder === null ? vscode.Uri.file(`/${name}`) : vscode.Uri.joinPath(folder, name);
    const isTaken = await vscode.workspace.fs.stat(uri).then(
      () => true,
      () => false,
    );
    if (!isTaken && !open.has(uri.path))
      return folder === null ? vscode.Uri.from({ scheme: 'untitled', path: name }) : uri.with({ scheme: 'untitled' });
  }
  throw new Error(vscode.l10n.t('There are a thousand experiments named {0} already.', concept));
}

async function openUnsaved(uri: vscode.Uri, text: string): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uri);
  const edit = new vscode.WorkspaceEdit();
  edit.insert(uri, new vscode.Position(0, 0), text);
  await vscode.workspace.applyEdit(edit);
  await vscode.window.showTextDocument(document);
}
