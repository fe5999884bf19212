import { resolve } from 'node:path';
import { UsageError, WorkError } from '../foundation/errors.ts';
import { readJson } from '../foundation/files.ts';
import type { ReportData } from '../protocol/report.ts';
import type { ReplayedFile, ReplayResult, RunDetail, RunResult, RunStep } from '../protocol/runs.ts';
import type { CliCommand } from './cli-command.ts';
import { detach, offerDetach, outputPlaceOf, placeOf } from './detached.ts';
import { duration } from './figures.ts';
import { reportText } from './report-text.ts';
import type { Outcome, Shell } from './shell.ts';
import { record, table } from './table.ts';
import { wrap, type Terminal } from './terminal.ts';
import { parseRequest } from './usage.ts';
import { anyText } from './values.ts';

interface RunOptions {
  readonly output?: string;
  readonly detach?: boolean;
}

function stepTable(terminal: Terminal, steps: readonly RunStep[]): string {
  return table(
    terminal,
    [
      { title: 'step', kind: 'text' },
      { title: 'state', kind: 'name' },
      { title: 'seconds', kind: 'number' },
    ],
    steps.map(({ name, state, cached, seconds }) => [
      ...[name, cached ? 'done before' : state],
      state === 'done' ? seconds.toFixed(1) : '–',
    ]),
  );
}

function ranText(terminal: Terminal, { run, folder, report, steps }: RunResult, data: ReportData): string {
  const seconds = steps.reduce((sum, step) => sum + step.seconds, 0);
  const cached = steps.filter((step) => step.cached).length;
  return [
    reportText(terminal, data),
    stepTable(terminal, steps),
    [
      `Done in ${duration(seconds)}; ${cached} of ${steps.length} steps were done before. Everything is in ${folder}`,
      `Read the report: ${report}`,
      `Do it again and compare: ssae replay ${run}`,
    ].join('\n'),
  ].join('\n\n');
}

async function run(shell: Shell, file: string, options: RunOptions): Promise<Outcome> {
  const { RunExperimentRequest } = await import('../protocol/runs.ts');
  const output = options.output === undefined ? null : outputPlaceOf(options.output);
  const request = parseRequest(RunExperimentRequest, { file: resolve(file), output });
  if (options.detach === true) return detach(shell, { kind: 'experiment', request });
  const json = await shell.withServices((services) => services.runExperiment(request, shell.control));
  if (shell.options.json === true) return { json, text: () => '' };
  const data = (await readJson(json.report.replace(/\.html$/, '.json'))) as ReportData;
  return { json, text: (terminal) => ranText(terminal, json, data) };
}

const short = (hash: string | null): string => (hash === null || hash === '' ? 'nothing' : hash.slice(0, 12));

function replayedLine({ path, state, recorded, found, replayed }: ReplayedFile): string {
  switch (state) {
    case 'identical':
      return `identical  ${path}`;
    case 'missing':
      return `missing    ${path}: the run recorded ${short(recorded)}`;
    case 'changed':
      return `changed    ${path}: the run recorded ${short(recorded)}, there is ${short(found)} now`;
    case 'differs':
      return `differs    ${path}: the run recorded ${short(recorded)}, the replay gives ${short(replayed)}`;
  }
}

function lastLine({ identical, files, note }: ReplayResult): string {
  if (identical) return 'identical';
  const differing = files.filter(({ state }) => state !== 'identical').map(({ path }) => path);
  return `differs: ${differing.join(', ')}${note === null ? '' : ` (${note})`}`;
}

async function replay(shell: Shell, reference: string): Promise<void> {
  const { RunReference } = await import('../protocol/runs.ts');
  const request = parseRequest(RunReference, { run: placeOf(reference) });
  const json = await shell.withServices((services) => services.replayRun(request, shell.control));
  const text = (): string => [...json.files.map(replayedLine), lastLine(json)].join('\n');
  await shell.finish(Promise.resolve({ json, text }));
  const count = json.files.filter(({ state }) => state !== 'identical').length;
  if (!json.identical) throw new WorkError(`${count} of ${json.files.length} files are not what the run recorded`);
}

async function report(shell: Shell, reference: string, { output }: Pick<RunOptions, 'output'>): Promise<Outcome> {
  const { WriteReportRequest } = await import('../protocol/runs.ts');
  if (output !== undefined && !/\.html?$/i.test(output))
    throw new UsageError(`--output is "${output}"; expected a file that ends in .html`);
  const place = output === undefined ? null : resolve(output);
  const request = parseRequest(WriteReportRequest, { run: placeOf(reference), output: place });
  const json = await shell.withServices((services) => services.writeReport(request));
  return { json, text: () => `The report of ${json.run} is ${json.report}` };
}

async function list(shell: Shell): Promise<Outcome> {
  const json = await shell.withServices((services) => services.listRuns());
  const columns = [
    { title: 'run', kind: 'name' },
    { title: 'started', kind: 'name' },
    { title: 'state', kind: 'name' },
    { title: 'file', kind: 'text' },
  ] as const;
  const rows = json.map(({ run: name, started, state, stepsDone, steps, file }) => [
    ...[name, started.slice(0, 16).replace('T', ' ')],
    ...[state === 'done' ? 'done' : `${stepsDone} of ${steps} steps`, file],
  ]);
  return {
    json,
    text: (terminal) =>
      json.length === 0 ? 'There is no run yet. Make one with: ssae run FILE' : table(terminal, columns, rows),
  };
}

function detailText(terminal: Terminal, detail: RunDetail): string {
  const { run: name, file, started, state, folder, report: page, verdict, steps } = detail;
  const sentences = (verdict ?? '').split('\n').filter((sentence) => sentence !== '');
  return [
    record(terminal, [
      ...([
        ['run', name],
        ['experiment', file],
        ['started', started],
        ['state', state],
      ] as const),
      ...([
        ['folder', folder],
        ['report', page ?? '–'],
      ] as const),
    ]),
    ...(sentences.length === 0
      ? [`Go on with: ssae run ${file}`]
      : [sentences.map((sentence) => wrap(`• ${sentence}`, terminal.width).join('\n  ')).join('\n')]),
    stepTable(terminal, steps),
  ].join('\n\n');
}

async function show(shell: Shell, reference: string): Promise<Outcome> {
  const json = await shell.withServices((services) => services.showRun(placeOf(reference)));
  return { json, text: (terminal) => detailText(terminal, json) };
}

async function remove(shell: Shell, name: string): Promise<Outcome> {
  await shell.withServices((services) => services.removeRun(name));
  return { json: { removed: name }, text: () => `Run ${name} is removed.` };
}

export function addRun(program: CliCommand, shell: Shell): void {
  const command = program
    .command('run <file>')
    .description(
      'an experiment as a file: retrieve, finetune, evaluate and report, every arm, objective and random seed; what was done before is not done again',
    )
    .takes('-o, --output <run>', "name or folder of the run (default: the experiment's name)", anyText)
    .example('ssae run docs/experiments/physics.ssae.json', 'Built-in text; a few minutes on two cores')
    .example(
      'ssae run physics.ssae.json -o ./physics-run --json',
      'Into a folder; steps, report and verdict for a program',
    );
  offerDetach(command).action((file: string, options: RunOptions) => shell.finish(run(shell, file, options)));
  program
    .command('replay <run>')
    .description('do a run again and compare every file; status 1 where one is not what the run recorded')
    .example('ssae replay physics', 'A line a file, and at the end "identical" or what differs')
    .action((reference: string) => replay(shell, reference));
  program
    .command('report <run>')
    .description("write a run's report as one HTML file that needs no network")
    .takes('-o, --output <file>', "HTML file to write (default: the run's own report.html)", anyText)
    .example('ssae report physics -o physics.html', 'To send to somebody')
    .action((reference: string, options: RunOptions) => shell.finish(report(shell, reference, options)));
}

export function addRuns(program: CliCommand, shell: Shell): void {
  const runs = program
    .command('runs')
    .description('experiments that were run')
    .example('ssae runs list', 'All runs')
    .example('ssae runs show physics', 'What one found');
  runs
    .command('list')
    .description('all runs, those that were interrupted included')
    .example('ssae runs list --json', 'For a program')
    .action(() => shell.finish(list(shell)));
  runs
    .command('show <run>')
    .description('verdict, steps and report of a run; with --json every metric')
    .example('ssae runs show physics', 'What it found')
    .action((reference: string) => shell.finish(show(shell, reference)));
  runs
    .command('remove <run>')
    .description('remove a run of the home folder, with its dictionaries')
    .example('ssae runs remove physics', 'Remove it')
    .action((name: string) => shell.finish(remove(shell, name)));
}
