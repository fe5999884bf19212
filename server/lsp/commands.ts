import type { TextDocuments } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { unknownName, UsageError } from '../foundation/errors.ts';
import { LabelFeature, ListDictionaries, SearchFeatures, ShowDictionary } from '../protocol/messages.ts';
import { COMMAND } from './command-names.ts';
import * as parameters from './parameters.ts';
import { checked } from './parameters.ts';
import type { Reading } from './reading.ts';
import { type AddedSeeds, seedOf, type SeedSets } from './seed-sets.ts';
import { changeSettings } from './settings.ts';

const MAX_CHOICES = 20;
const MAX_HIDDEN = 4096;

/** What commands act on. */
export interface Workbench {
  readonly reading: Reading;
  readonly seedSets: SeedSets;
  readonly documents: TextDocuments<TextDocument>;
  /** Shows a message. */
  readonly say: (message: string) => void;
  /** Asks for one of some titles; null where nothing was chosen. */
  readonly choose: (message: string, titles: readonly string[]) => Promise<string | null>;
  /** Lets the client ask again for everything that is shown. */
  readonly refresh: () => void;
}

type Name = (typeof COMMAND)[keyof typeof COMMAND];
/** Answers, or promises to. */
type Command = (bench: Workbench, argument: unknown) => unknown;

const COMMANDS: Readonly<Record<Name, Command>> = {
  [COMMAND.addSeeds]: addSeeds,
  [COMMAND.useDictionary]: (bench, argument) =>
    useDictionary(bench, checked(parameters.UseDictionaryArguments, argument).dictionary),
  [COMMAND.chooseDictionary]: chooseDictionary,
  [COMMAND.useMeasure]: useMeasure,
  [COMMAND.hideFeature]: hideFeature,
  [COMMAND.labelFeature]: labelFeature,
  [COMMAND.searchFeatures]: ({ reading }, argument) =>
    reading.daemon.request(SearchFeatures, {
      ...checked(parameters.SearchArguments, argument),
      dictionary: reading.settings.dictionary,
    }),
};

/** @throws UsageError for a command that does not exist; ResponseError for wrong arguments */
// eslint-disable-next-line @typescript-eslint/require-await -- what a command throws is a rejection too
export async function executeCommand(bench: Workbench, name: string, argument: unknown): Promise<unknown> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name as Name] : null;
  if (command === null) throw unknownName('the command', name, Object.values(COMMAND));
  return command(bench, argument);
}

async function addSeeds({ reading, seedSets, documents, say }: Workbench, argument: unknown): Promise<AddedSeeds> {
  const given = checked(parameters.AddSeedsArguments, argument);
  const added = await seedSets.add(given.name, 'text' in given ? { text: given.text, from: null } : marked(given));
  say(`Seed set ${added.name} has ${added.seeds} ${added.seeds === 1 ? 'seed' : 'seeds'}.`);
  return added;

  function marked({ uri, range }: Extract<typeof given, { uri: string }>): ReturnType<typeof seedOf> {
    const document = documents.get(uri);
    if (document === undefined) throw new UsageError(`the document ${uri} is not open`);
    return seedOf(reading, document, range);
  }
}

async function useDictionary({ reading, refresh }: Workbench, dictionary: string): Promise<null> {
  await reading.daemon.request(ShowDictionary, { name: dictionary });
  reading.settings = { ...reading.settings, dictionary };
  refresh();
  return null;
}

async function chooseDictionary(bench: Workbench): Promise<null> {
  const found = await bench.reading.daemon.request(ListDictionaries, {});
  const names = found.filter(({ hookPoint }) => hookPoint !== null).map(({ name }) => name);
  const chosen = await bench.choose('Dictionary to read text with', names.slice(0, MAX_CHOICES));
  return chosen === null ? null : useDictionary(bench, chosen);
}

function useMeasure({ reading, refresh }: Workbench, argument: unknown): null {
  const { measure } = checked(parameters.UseMeasureArguments, argument);
  const { settings, complaints } = changeSettings(reading.settings, { measure });
  if (complaints[0] !== undefined) throw new UsageError(complaints[0]);
  reading.settings = settings;
  refresh();
  return null;
}

function hideFeature({ reading, refresh }: Workbench, argument: unknown): null {
  const { feature } = checked(parameters.FeatureArguments, argument);
  const hidden = [...new Set([...reading.settings.hidden, feature])];
  if (hidden.length > MAX_HIDDEN) throw new UsageError(`at most ${MAX_HIDDEN} features can be hidden`);
  reading.settings = { ...reading.settings, hidden };
  refresh();
  return null;
}

async function labelFeature({ reading, refresh }: Workbench, argument: unknown): Promise<null> {
  const given = checked(parameters.LabelArguments, argument);
  await reading.daemon.request(LabelFeature, { ...given, dictionary: reading.settings.dictionary });
  refresh();
  return null;
}
