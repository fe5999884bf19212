import { noInterval } from '../protocol/outcome.ts';
import type { EvaluateResult } from '../protocol/results.ts';
import type { CliCommand } from './cli-command.ts';
import { detach, offerDetach, placeOf } from './detached.ts';
import { counted, figure } from './figures.ts';
import type { Outcome, Shell } from './shell.ts';
import { record, table, type Column } from './table.ts';
import type { Terminal } from './terminal.ts';
import { MAX_SEED } from './training-options.ts';
import { parseRequest } from './usage.ts';
import { anyText, pair, wholeNumber } from './values.ts';

interface EvaluateOptions {
  readonly corpus: string;
  readonly baseline?: string;
  readonly where: readonly (readonly [string, string])[];
  readonly excludeSelection: readonly string[];
  readonly excludeSeeds: readonly string[];
  readonly tokens: number;
  readonly seed: number;
  readonly detach?: boolean;
}

function metricTable(terminal: Terminal, { baseline, metrics }: EvaluateResult): string {
  const compared: Column[] = [
    { title: 'baseline', kind: 'number' },
    { title: 'difference', kind: 'number' },
  ];
  const columns: Column[] = [
    { title: 'metric', kind: 'name' },
    { title: 'dictionary', kind: 'number' },
    ...(baseline === null ? [] : compared),
    { title: '95 % interval', kind: 'number' },
  ];
  const rows = Object.entries(metrics).map(([name, metric]) => [
    name,
    figure(metric.value),
    ...(baseline === null ? [] : [figure(metric.baseline), figure(metric.difference)]),
    metric.low === null || metric.high === null ? '–' : `${figure(metric.low)} … ${figure(metric.high)}`,
  ]);
  return table(terminal, columns, rows);
}

function shown(terminal: Terminal, result: EvaluateResult, seed: number): string {
  const { dictionary, baseline, n, splitHash, overlapDropped, metrics } = result;
  const about = [
    baseline === null ? dictionary : `${dictionary} against ${baseline}`,
    `n = ${counted(n.tokens, 'token')} of ${counted(n.documents, 'document')}, split ${splitHash}, seed ${seed}`,
    ...(overlapDropped === 0
      ? []
      : [`${counted(overlapDropped, 'passage')} left out because they overlap seeds or selections`]),
  ];
  const interval =
    n.documents < 2
      ? `The bootstrap draws documents; ${noInterval(n.documents)}.`
      : `The interval is of the ${baseline === null ? 'value' : 'difference'}: bootstrap over documents.`;
  const formulas = record(
    terminal,
    Object.entries(metrics).map(([name, { formula }]) => [name, formula]),
  );
  return `${about.join('\n')}\n\n${metricTable(terminal, result)}\n\n${interval}\n\n${formulas}`;
}

async function evaluate(shell: Shell, dictionary: string, options: EvaluateOptions): Promise<Outcome> {
  const { EvaluateRequest } = await import('../protocol/requests.ts');
  const request = parseRequest(EvaluateRequest, {
    dictionary: placeOf(dictionary),
    baseline: options.baseline === undefined ? null : placeOf(options.baseline),
    corpus: options.corpus,
    exclude: { selections: options.excludeSelection.map(placeOf), seeds: [...options.excludeSeeds] },
    where: Object.fromEntries(options.where),
    tokens: options.tokens,
    seed: options.seed,
  });
  if (options.detach === true) return detach(shell, { kind: 'evaluate', request });
  const json = await shell.withServices((services) => services.evaluate(request, shell.control));
  return { json, text: (terminal) => shown(terminal, json, options.seed) };
}

export function addEvaluate(program: CliCommand, shell: Shell): void {
  const command = program
    .command('eval <dictionary>')
    .description(
      'every metric that applies, on held-out text, against a baseline: with formula, n, split hash and interval',
    )
    .takes('--corpus <corpus>', 'text to measure on', anyText, { required: true })
    .takes('--baseline <dictionary>', 'dictionary to compare with', anyText)
    .takesMany(
      '--where <field=value>',
      'only passages whose field has this value',
      pair('FIELD=VALUE, for example domain=physics'),
    )
    .takesMany('--exclude-selection <selection>', 'leave out what overlaps these passages', anyText)
    .takesMany('--exclude-seeds <seeds>', 'leave out what overlaps these seeds', anyText)
    .takes('--tokens <n>', 'tokens to measure on', wholeNumber(1), { default: 20_000 })
    .takes('--seed <n>', 'seed of the sample and of the bootstrap', wholeNumber(0, MAX_SEED), { default: 0 })
    .example(
      'ssae eval entropy-term --baseline builtin-gsae --corpus glosses --where domain=physics --exclude-selection entropy',
      'On held-out text of the domain',
    )
    .example(
      'ssae eval entropy-term --baseline builtin-gsae --corpus general --json',
      'What was forgotten of general text',
    );
  offerDetach(command).action((dictionary: string, options: EvaluateOptions) =>
    shell.finish(evaluate(shell, dictionary, options)),
  );
}
