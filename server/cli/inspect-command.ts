import type { InspectedToken, InspectResult } from '../protocol/results.ts';
import type { CliCommand } from './cli-command.ts';
import { count, counted, duration, figure } from './figures.ts';
import { legend, paintTokens, strongestOf } from './painted-text.ts';
import type { Outcome, Shell } from './shell.ts';
import { table } from './table.ts';
import { oneLine, type Terminal } from './terminal.ts';
import { readText } from './text-input.ts';
import { parseRequest } from './usage.ts';
import { anyText, wholeNumber } from './values.ts';

const LISTED_FEATURES = 12;

interface InspectOptions {
  readonly dictionary: string;
  readonly feature: readonly number[];
  readonly top: number;
}

interface FiringFeature {
  readonly feature: number;
  readonly label: string | null;
  readonly tokens: number;
  readonly maximum: number;
  readonly strongestToken: string;
}

/** The features that fire in a text, strongest first. */
function firingFeatures(tokens: readonly InspectedToken[]): FiringFeature[] {
  const found = new Map<number, FiringFeature>();
  for (const token of tokens)
    for (const { feature, activation, label } of token.features) {
      const before = found.get(feature);
      const isStronger = before === undefined || activation > before.maximum;
      found.set(feature, {
        feature,
        label,
        tokens: (before?.tokens ?? 0) + 1,
        maximum: isStronger ? activation : before.maximum,
        strongestToken: isStronger ? token.text : before.strongestToken,
      });
    }
  return [...found.values()].sort((a, b) => b.maximum - a.maximum || a.feature - b.feature);
}

function featureTable(terminal: Terminal, features: readonly FiringFeature[]): string {
  return table(
    terminal,
    [
      { title: 'feature', kind: 'number' },
      { title: 'strongest', kind: 'number' },
      { title: 'tokens', kind: 'number' },
      { title: 'on', kind: 'snippet' },
      { title: 'label', kind: 'text' },
    ],
    features
      .slice(0, LISTED_FEATURES)
      .map(({ feature, maximum, tokens, strongestToken, label }) => [
        String(feature),
        figure(maximum),
        count(tokens),
        JSON.stringify(strongestToken),
        label ?? '–',
      ]),
  );
}

function tokenTable(terminal: Terminal, tokens: readonly InspectedToken[]): string {
  return table(
    terminal,
    [
      { title: '#', kind: 'number' },
      { title: 'token', kind: 'snippet' },
      { title: 'loss', kind: 'number' },
      { title: 'error', kind: 'number' },
      { title: 'features', kind: 'text' },
    ],
    tokens.map(({ index, text, loss, reconstructionError, features }) => [
      String(index),
      JSON.stringify(text),
      figure(loss),
      figure(reconstructionError),
      features
        .map(({ feature, activation, label }) => `${feature}:${figure(activation)}${label === null ? '' : ` ${label}`}`)
        .join(', '),
    ]),
  );
}

/** The tokens that stand for text: the first position of most models is an attention sink that would outshine all others. */
function written(tokens: readonly InspectedToken[]): InspectedToken[] {
  return tokens.filter(({ start, end }) => start < end);
}

function painted(terminal: Terminal, text: string, { tokens }: InspectResult): string {
  const active = written(tokens).map(({ start, end, features }) => ({
    ...{ start, end },
    activation: features[0]?.activation ?? 0,
  }));
  return `${paintTokens(terminal, text, active).trimEnd()}\n\n${legend(terminal, strongestOf(active))}`;
}

function shown(terminal: Terminal, text: string, result: InspectResult): string {
  const features = firingFeatures(written(result.tokens));
  const heading =
    `${result.dictionary} at ${result.hookPoint} of ${result.model}: ${counted(result.tokens.length, 'token')}, ` +
    `${counted(features.length, 'feature')}, in ${duration(result.seconds)}`;
  const body = terminal.chalk.level > 0 ? painted(terminal, text, result) : tokenTable(terminal, result.tokens);
  if (features.length === 0) return `${oneLine(heading)}\n\n${body}\n\nNone of these features fires in this text.`;
  return `${oneLine(heading)}\n\n${body}\n\n${featureTable(terminal, features)}`;
}

async function inspect(shell: Shell, source: string, { dictionary, feature, top }: InspectOptions): Promise<Outcome> {
  const text = await readText(source, shell.surroundings);
  const { InspectRequest } = await import('../protocol/requests.ts');
  const request = parseRequest(
    InspectRequest,
    { text, dictionary, features: [...feature], top },
    { features: '--feature' },
  );
  const json = await shell.withServices((services) => services.inspect(request, shell.control));
  return { json, text: (terminal) => shown(terminal, text, json) };
}

export function addInspect(program: CliCommand, shell: Shell): void {
  program
    .command('inspect <file>')
    .usage('<file>|- --dictionary <dictionary> [options]')
    .description(
      'which features fire on which token of a text (a file in UTF-8, or - for stdin). A colour terminal shows the text painted by activation, others a table',
    )
    .takes('--dictionary <dictionary>', 'dictionary whose features are shown', anyText, { required: true })
    .takesMany('--feature <index>', 'show only this feature', wholeNumber(0))
    .takes('--top <n>', 'features of each token, the strongest first', wholeNumber(0, 4096), { default: 5 })
    .example('ssae inspect README.md --dictionary builtin-gsae', 'The text painted by its strongest features')
    .example('ssae inspect notes.txt --dictionary physics --feature 412 --feature 97', 'Where two features fire')
    .example('echo "entropy never falls" | ssae inspect - --dictionary builtin-gsae --json', 'For a program')
    .action((file: string, options: InspectOptions) => shell.finish(inspect(shell, file, options)));
}
