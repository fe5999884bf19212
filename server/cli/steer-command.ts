import type { SteerResult } from '../protocol/feature-pages.ts';
import type { CliCommand } from './cli-command.ts';
import { duration, figure } from './figures.ts';
import type { Outcome, Shell } from './shell.ts';
import { record, type Column, table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { parseRequest } from './usage.ts';
import { anyText, realNumber, wholeNumber } from './values.ts';

interface SteerOptions {
  readonly dictionary: string;
  readonly feature: number;
  readonly strength: number;
  readonly tokens: number;
  readonly temperature: number;
  readonly seed: number;
}

function shown(
  terminal: Terminal,
  { dictionary, feature, strength, without, divergence, seconds, ...rest }: SteerResult,
): string {
  const { chalk } = terminal;
  const columns: Column[] = [
    { title: 'without', kind: 'text' },
    { title: `with ${figure(strength)} × feature ${feature}`, kind: 'text' },
  ];
  const about = record(terminal, [
    ['dictionary', dictionary],
    ['divergence', `${figure(divergence)} nats a token of the prompt`],
    ['took', duration(seconds)],
  ]);
  const lines = (text: string): string => (text === '' ? chalk.dim('(nothing)') : text.replace(/\s*\n\s*/g, ' '));
  return `${table(terminal, columns, [[lines(without), lines(rest.with)]])}\n\n${about}`;
}

async function steer(shell: Shell, prompt: string, options: SteerOptions): Promise<Outcome> {
  const { SteerRequest } = await import('../protocol/feature-pages.ts');
  const request = parseRequest(SteerRequest, { prompt, ...options }, { prompt: '<prompt>' });
  const json = await shell.withServices((services) => services.steer(request, shell.control));
  return { json, text: (terminal) => shown(terminal, json) };
}

export function addSteer(program: CliCommand, shell: Shell): void {
  program
    .command('steer')
    .argumentOf('<prompt>', 'text that the model continues', anyText)
    .description(
      'continue a prompt with a feature added to the residual stream at every position, beside the continuation without it',
    )
    .takes('--dictionary <dictionary>', 'dictionary of the feature', anyText, { required: true })
    .takes('--feature <index>', 'feature to add', wholeNumber(0), { required: true })
    .takes(
      '--strength <activation>',
      "times the feature's decoder row; negative takes it away",
      realNumber({ minimum: -1e6, maximum: 1e6 }),
      { required: true },
    )
    .takes('--tokens <n>', 'tokens to continue by', wholeNumber(1, 2000), { default: 40 })
    .takes('--temperature <t>', 'of sampling; 0 takes the most likely token', realNumber({ minimum: 0, maximum: 10 }), {
      default: 0,
    })
    .takes('--seed <seed>', 'of sampling, the same for both', wholeNumber(0, 0x7fffffff), { default: 0 })
    .example('ssae steer --dictionary builtin-gsae --feature 412 --strength 400 "The heat of"', 'With and without')
    .example(
      'ssae steer --dictionary builtin-gsae --feature 412 --strength -400 --temperature 0.8 --seed 1 "The heat of"',
      'Sampled, and the feature taken away',
    )
    .action((prompt: string, options: SteerOptions) => shell.finish(steer(shell, prompt, options)));
}
