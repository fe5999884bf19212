import type { Command } from 'commander';
import { UsageError } from '../foundation/errors.ts';
import type { FoundFeature, SimilarFeaturesResult } from '../protocol/feature-pages.ts';
import type { TextFeaturesResult } from '../protocol/token-readings.ts';
import type { CliCommand } from './cli-command.ts';
import { counted, figure } from './figures.ts';
import type { Outcome, Shell } from './shell.ts';
import { table } from './table.ts';
import { type Terminal, wrap } from './terminal.ts';
import { readText } from './text-input.ts';
import { parseRequest } from './usage.ts';
import { anyText, textAsGiven, wholeNumber } from './values.ts';

const percent = (share: number | null): string => (share === null ? '–' : `${figure(100 * share)} %`);

function foundTable(terminal: Terminal, found: readonly FoundFeature[]): string {
  if (found.length === 0) return 'No feature has a label with these words.';
  return table(
    terminal,
    [
      { title: 'feature', kind: 'number' },
      { title: 'density', kind: 'number' },
      { title: 'label', kind: 'text' },
    ],
    found.map(({ feature, density, label }) => [String(feature), percent(density), label ?? '–']),
  );
}

function textFeaturesTable(
  terminal: Terminal,
  { tokens, tokensAgainst, formula, features }: TextFeaturesResult,
): string {
  const against = tokensAgainst === null ? '' : ` against ${counted(tokensAgainst, 'token')}`;
  const heading = wrap(`${counted(tokens, 'token')}${against}; score = ${formula}`, terminal.width).join('\n');
  if (features.length === 0) return `${heading}\n\nNo feature fires here more than it does elsewhere.`;
  const rows = features.map(({ feature, score, mean, maximum, share, meanAgainst, density, label }) => [
    ...[String(feature), figure(score), figure(mean), meanAgainst === null ? '–' : figure(meanAgainst)],
    ...[figure(maximum), percent(share), percent(density), label ?? '–'],
  ]);
  const numbers = ['feature', 'score', 'mean', 'against', 'strongest', 'fires on', 'density'];
  const columns = [
    ...numbers.map((title) => ({ title, kind: 'number' as const })),
    { title: 'label', kind: 'text' as const },
  ];
  return `${heading}\n\n${table(terminal, columns, rows)}`;
}

interface SearchOptions {
  readonly text?: string;
  readonly against?: string;
  readonly limit: number;
}

async function byText(
  shell: Shell,
  dictionary: string,
  file: string,
  { against, limit }: SearchOptions,
): Promise<Outcome> {
  if (file === '-' && against === '-') throw new UsageError('--text and --against are both "-"; stdin holds one text');
  const text = await readText(file, shell.surroundings);
  const other = against === undefined ? null : await readText(against, shell.surroundings);
  const { TextFeaturesRequest } = await import('../protocol/token-readings.ts');
  const request = parseRequest(TextFeaturesRequest, { dictionary, text, against: other, limit });
  const json = await shell.withServices((services) => services.textFeatures(request, shell.control));
  return { json, text: (terminal) => textFeaturesTable(terminal, json) };
}

async function search(
  shell: Shell,
  dictionary: string,
  query: string | undefined,
  options: SearchOptions,
): Promise<Outcome> {
  const { text, against, limit } = options;
  if (query !== undefined && text !== undefined)
    throw new UsageError(`<query> is "${query}" and --text is ${text}; search by one of them`);
  if (text !== undefined) return byText(shell, dictionary, text, options);
  if (against !== undefined)
    throw new UsageError(`--against is ${against}; it needs --text, the text it is held against`);
  const { SearchFeaturesRequest } = await import('../protocol/feature-pages.ts');
  const request = parseRequest(SearchFeaturesRequest, { dictionary, query: query ?? '', limit });
  const json = await shell.withServices((services) => services.searchFeatures(request));
  return { json, text: (terminal) => foundTable(terminal, json) };
}

function similarTable(terminal: Terminal, similar: SimilarFeaturesResult): string {
  return table(
    terminal,
    [
      { title: 'feature', kind: 'number' },
      { title: 'cosine', kind: 'number' },
      { title: 'label', kind: 'text' },
    ],
    similar.map(({ feature, cosine, label }) => [String(feature), figure(cosine), label ?? '–']),
  );
}

async function similar(shell: Shell, dictionary: string, feature: number, limit: number): Promise<Outcome> {
  const { SimilarFeaturesRequest } = await import('../protocol/feature-pages.ts');
  const request = parseRequest(SimilarFeaturesRequest, { dictionary, feature, limit });
  const json = await shell.withServices((services) => services.similarFeatures(request));
  return { json, text: (terminal) => similarTable(terminal, json) };
}

async function label(
  shell: Shell,
  dictionary: string,
  feature: number,
  text: string | undefined,
  remove: boolean,
): Promise<Outcome> {
  if ((text === undefined) !== remove)
    throw new UsageError(
      text === undefined
        ? '[text] is missing; expected a label, or --remove'
        : `[text] is "${text}" beside --remove; give one of them`,
    );
  const { LabelFeatureRequest } = await import('../protocol/feature-pages.ts');
  const request = parseRequest(LabelFeatureRequest, { dictionary, feature, label: text ?? null }, { label: '[text]' });
  await shell.withServices((services) => services.labelFeature(request));
  const done = request.label === null ? 'has no label any more' : `is "${request.label}"`;
  return { json: request, text: () => `feature ${feature} of ${dictionary} ${done}` };
}

/** `ssae feature search | similar | label`. */
export function addFeatureSearch(feature: CliCommand, shell: Shell): void {
  // Arguments alone, else the list of commands is wider than a terminal.
  const subcommandTerm = (command: Command): string =>
    [
      command.name(),
      ...command.registeredArguments.map((each) => (each.required ? `<${each.name()}>` : `[${each.name()}]`)),
    ].join(' ');
  feature.configureHelp({ ...feature.configureHelp(), subcommandTerm });
  feature
    .command('search <dictionary> [query]')
    .description(
      'features whose label has all words of the query (a number finds that feature, no query all that have a label), or the features of a text',
    )
    .takes('--text <file>', 'features that fire in this text more than elsewhere (- for stdin)', anyText)
    .takes('--against <file>', 'with --text: and not in this one', anyText)
    .takes('--limit <n>', 'features to show', wholeNumber(1, 1000), { default: 50 })
    .example('ssae feature search builtin-gsae "heat engine"', 'By the words of their labels')
    .example('echo "entropy never falls" | ssae feature search builtin-gsae --text -', 'By a text')
    .example('ssae feature search physics --text optics.txt --against law.txt', 'Fires here, not there')
    .action((dictionary: string, query: string | undefined, options: SearchOptions) =>
      shell.finish(search(shell, dictionary, query, options)),
    );
  feature
    .command('similar <dictionary>')
    .argumentOf('<feature>', 'index of the feature, from 0', wholeNumber(0))
    .description('features whose decoder rows point most nearly the same way')
    .takes('--limit <n>', 'features to show', wholeNumber(1, 1000), { default: 20 })
    .example('ssae feature similar builtin-gsae 412', 'The twenty nearest to feature 412')
    .action((dictionary: string, index: number, { limit }: { limit: number }) =>
      shell.finish(similar(shell, dictionary, index, limit)),
    );
  feature
    .command('label <dictionary>')
    .argumentOf('<feature>', 'index of the feature, from 0', wholeNumber(0))
    .argumentOf('[text]', 'what the feature is for', textAsGiven)
    .description('give a feature a name, which shows wherever the feature does')
    .option('--remove', 'take its name away')
    .example('ssae feature label builtin-gsae 412 "units of measurement"', 'Name feature 412')
    .example('ssae feature label builtin-gsae 412 --remove', 'Take the name away')
    .action((dictionary: string, index: number, text: string | undefined, { remove }: { remove?: boolean }) =>
      shell.finish(label(shell, dictionary, index, text, remove === true)),
    );
}
