import type { CodeAction, Range } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { UsageError } from '../foundation/errors.ts';
import { ListDictionaries } from '../protocol/messages.ts';
import { shortLabel } from '../text/token-text.ts';
import type { Watch } from './activation-reader.ts';
import { COMMAND } from './command-names.ts';
import type { Reading } from './reading.ts';
import type { SeedSets } from './seed-sets.ts';
import type { PaintedBy } from './settings.ts';

export const ACTION_KINDS = ['ssae.seeds', 'ssae.feature', 'ssae.measure', 'ssae.dictionary'] as const;
type Kind = (typeof ACTION_KINDS)[number];

const MAX_SEED_SETS = 20;
const MAX_FEATURES = 3;
const MAX_DICTIONARIES = 20;
const MAX_LABEL_LENGTH = 40;

const MEASURES: readonly (readonly [string, PaintedBy])[] = [
  ['Paint rare features', 'rare'],
  ['Paint the strongest feature', 'strongest'],
  ['Paint the reconstruction error', 'error'],
  ['Paint the difference to the baseline', 'difference'],
];

/** What can be done with a selection and with the token at its begin. `only` are kinds, or beginnings of them; null for all. */
export async function codeActions(
  reading: Reading,
  seedSets: SeedSets,
  document: TextDocument,
  range: Range,
  only: readonly string[] | null,
  watch: Watch,
): Promise<CodeAction[]> {
  const makers: Readonly<Record<Kind, () => Promise<CodeAction[]>>> = {
    'ssae.seeds': () => seedActions(reading, seedSets, document, range),
    'ssae.feature': () => featureActions(reading, document, range, watch),
    'ssae.measure': () => Promise.resolve(measureActions(reading)),
    'ssae.dictionary': () => dictionaryActions(reading),
  };
  const isWanted = (kind: Kind): boolean =>
    only === null || only.some((wanted) => wanted === '' || kind === wanted || kind.startsWith(`${wanted}.`));
  const made = await Promise.all(ACTION_KINDS.filter(isWanted).map((kind) => makers[kind]()));
  return made.flat();
}

function action(kind: Kind, title: string, command: string, argument: unknown): CodeAction {
  return { title, kind, command: { title, command, arguments: [argument] } };
}

async function seedActions(
  reading: Reading,
  seedSets: SeedSets,
  document: TextDocument,
  range: Range,
): Promise<CodeAction[]> {
  if (document.getText(range).trim() === '') return [];
  const names = (await seedSets.names()).slice(0, MAX_SEED_SETS);
  const offered = names.length === 0 ? [reading.settings.seedSet] : names;
  return offered.map((name) =>
    action('ssae.seeds', `Add selection to seed set ${name}`, COMMAND.addSeeds, { name, uri: document.uri, range }),
  );
}

async function featureActions(
  reading: Reading,
  document: TextDocument,
  { start }: Range,
  { signal }: Watch,
): Promise<CodeAction[]> {
  try {
    const found = await reading.tokenAt(document, document.offsetAt(start), signal);
    const features = found?.token.reading.features.slice(0, MAX_FEATURES) ?? [];
    return features.flatMap(({ feature, label }) => {
      const name = `feature #${feature}${label === null ? '' : ` ${shortLabel(label, MAX_LABEL_LENGTH)}`}`;
      return [
        action('ssae.feature', `Paint ${name}`, COMMAND.useMeasure, { measure: { features: [feature] } }),
        action('ssae.feature', `Hide ${name}`, COMMAND.hideFeature, { feature }),
      ];
    });
  } catch (error) {
    // With a dictionary that does not exist the other actions are the remedy.
    if (error instanceof UsageError) return [];
    throw error;
  }
}

function measureActions({ settings: { measure, baseline } }: Reading): CodeAction[] {
  return MEASURES.filter(([, by]) => by !== measure && (by !== 'difference' || Boolean(baseline))).map(([title, by]) =>
    action('ssae.measure', title, COMMAND.useMeasure, { measure: by }),
  );
}

async function dictionaryActions({ daemon, settings }: Reading): Promise<CodeAction[]> {
  const dictionaries = await daemon.request(ListDictionaries, {});
  return dictionaries
    .filter(({ name, hookPoint }) => name !== settings.dictionary && hookPoint !== null)
    .slice(0, MAX_DICTIONARIES)
    .map(({ name }) =>
      action('ssae.dictionary', `Use dictionary ${name}`, COMMAND.useDictionary, { dictionary: name }),
    );
}
