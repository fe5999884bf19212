import { resolve } from 'node:path';
import type { CliCommand } from './cli-command.ts';
import { reportText } from './report-text.ts';
import { duration } from './figures.ts';
import type { Outcome, Shell } from './shell.ts';
import { ENGINES, MAX_SEED, type EngineName } from './training-options.ts';
import { parseRequest } from './usage.ts';
import { anyText, oneOf, wholeNumber } from './values.ts';

interface DemoOptions {
  readonly output: string;
  readonly engine: EngineName;
  readonly seed: number;
}

async function demo(shell: Shell, options: DemoOptions): Promise<Outcome> {
  const { DemoRequest } = await import('../protocol/requests.ts');
  const request = parseRequest(DemoRequest, { ...options, output: resolve(options.output) });
  const json = await shell.withServices((services) => services.demo(request, shell.control));
  return {
    json,
    text: (terminal) =>
      `${reportText(terminal, json.data)}\n\nDone in ${duration(json.seconds)}. Everything is in ${json.folder}\nRead the report: ${json.report}`,
  };
}

export function addDemo(program: CliCommand, shell: Shell): void {
  program
    .command('demo')
    .description(
      'the main job on built-in data, end to end: seeds about a rare domain, retrieval, ERM and TERM finetuning, before and after on held-out text',
    )
    .takes('-o, --output <folder>', 'folder for the report and everything that is made', anyText, {
      default: 'ssae-demo',
    })
    .takes('--engine <engine>', 'what computes', oneOf(ENGINES), { default: 'auto' })
    .takes('--seed <n>', 'seed of everything random', wholeNumber(0, MAX_SEED), { default: 0 })
    .example('ssae demo', 'A few minutes on two cores; ends with a table and a report')
    .example('ssae demo -o /tmp/demo --engine wasm', 'Elsewhere, without the compiled engine')
    .action((options: DemoOptions) => shell.finish(demo(shell, options)));
}
