import type { FeatureResult } from '../protocol/feature-pages.ts';
import type { CliCommand } from './cli-command.ts';
import { addFeatureSearch } from './feature-search-command.ts';
import { count, figure } from './figures.ts';
import { paintTokens } from './painted-text.ts';
import type { Outcome, Shell } from './shell.ts';
import { record, table } from './table.ts';
import { oneLine, truncate, wrap, type Terminal } from './terminal.ts';
import { parseRequest } from './usage.ts';
import { anyText, wholeNumber } from './values.ts';

interface FeatureOptions {
  readonly dictionary: string;
  readonly corpus?: string;
  readonly passages: number;
  readonly logits: number;
}

function logitTable(terminal: Terminal, { topLogits, bottomLogits }: FeatureResult): string {
  const rows = Array.from({ length: Math.max(topLogits.length, bottomLogits.length) }, (_, i) =>
    [topLogits[i], bottomLogits[i]].flatMap((logit) =>
      logit === undefined ? ['', ''] : [JSON.stringify(logit.token), figure(logit.effect)],
    ),
  );
  return table(
    terminal,
    [
      { title: 'raises', kind: 'snippet' },
      { title: 'logit', kind: 'number' },
      { title: 'lowers', kind: 'snippet' },
      { title: 'logit', kind: 'number' },
    ],
    rows,
  );
}

/** Where there are no colours, the strongest token stands between brackets. */
function passageText(terminal: Terminal, tokens: FeatureResult['passages'][number]['tokens']): string {
  let end = 0;
  const active = tokens.map(({ text, activation }) => ({ start: end, end: (end += text.length), activation }));
  const text = tokens.map((token) => token.text).join('');
  if (terminal.chalk.level > 0) return paintTokens(terminal, text.replace(/[\r\n]/g, ' '), active);
  const strongest = active.reduce((best, token) => (token.activation > best.activation ? token : best), active[0]!);
  const marked = `${text.slice(0, strongest.start)}[${text.slice(strongest.start, strongest.end)}]`;
  return wrap(oneLine(marked + text.slice(strongest.end)), terminal.width).join('\n');
}

function densityOf({ density, tokens, dictionary }: FeatureResult): string {
  if (density === null) return `not counted; give --corpus, or: ssae dictionary count ${dictionary} --corpus CORPUS`;
  const over = tokens === null || tokens === 0 ? 'tokens' : `${count(tokens)} tokens`;
  return `${figure(100 * density)} % of ${over}`;
}

function shown(terminal: Terminal, feature: FeatureResult): string {
  const about = record(terminal, [
    ['feature', `${feature.feature} of ${feature.dictionary}`],
    ['label', feature.label ?? 'none'],
    ['density', densityOf(feature)],
  ]);
  const passages = feature.passages.flatMap(({ source, maximum, share, tokens }) =>
    tokens.length === 0
      ? []
      : [
          terminal.chalk.bold(
            truncate(`${figure(maximum)} (${figure(100 * share)} %)  ${oneLine(source)}`, terminal.width),
          ),
          passageText(terminal, tokens),
        ],
  );
  return [about, logitTable(terminal, feature), passages.join('\n')].filter((part) => part !== '').join('\n\n');
}

async function show(shell: Shell, feature: number, options: FeatureOptions): Promise<Outcome> {
  const { FeatureRequest } = await import('../protocol/feature-pages.ts');
  const request = parseRequest(FeatureRequest, { ...options, feature, corpus: options.corpus ?? null });
  const json = await shell.withServices((services) => services.feature(request, shell.control));
  return { json, text: (terminal) => shown(terminal, json) };
}

export function addFeature(program: CliCommand, shell: Shell): void {
  const feature = program.command('feature').description('features: the latents of a dictionary');
  feature
    .command('show')
    .argumentOf('<feature>', 'index of the feature, from 0', wholeNumber(0))
    .description(
      'what a feature does to the logits, and passages of a corpus on which it fires: half of them the strongest, half from the octaves of activation below',
    )
    .takes('--dictionary <dictionary>', 'dictionary of the feature', anyText, { required: true })
    .takes('--corpus <corpus>', 'corpus whose passages are shown; its index is built once', anyText)
    .takes('--passages <n>', 'passages to show', wholeNumber(0, 1000), { default: 10 })
    .takes('--logits <n>', 'tokens to show that it raises, and that it lowers', wholeNumber(0, 1000), { default: 10 })
    .example('ssae feature show 412 --dictionary builtin-gsae --corpus glosses', 'A page on feature 412')
    .action((index: number, options: FeatureOptions) => shell.finish(show(shell, index, options)));
  addFeatureSearch(feature, shell);
  feature.example('ssae feature show 412 --dictionary builtin-gsae', 'What feature 412 does to the logits');
}
