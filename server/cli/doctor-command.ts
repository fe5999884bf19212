import type { DoctorResult } from '../protocol/results.ts';
import type { CliCommand } from './cli-command.ts';
import { bytes } from './figures.ts';
import type { Shell } from './shell.ts';
import { record, table } from './table.ts';
import type { Terminal } from './terminal.ts';

function report(terminal: Terminal, { version, node, platform, home, engines, auto, sizes }: DoctorResult): string {
  const about = record(terminal, [
    ['version', version],
    ['node', node],
    ['platform', platform],
    ['home', home],
    ['--engine auto', auto.reason],
  ]);
  const found = table(
    terminal,
    [
      { title: 'engine', kind: 'name' },
      { title: 'available', kind: 'name' },
      { title: 'device, or why not', kind: 'text' },
    ],
    engines.map(({ name, available, reason, device }) => [name, available ? 'yes' : 'no', device ?? reason ?? '']),
  );
  const used = table(
    terminal,
    [
      { title: 'stored', kind: 'name' },
      { title: 'size', kind: 'number' },
    ],
    Object.entries(sizes).map(([what, size]) => [what, bytes(size)]),
  );
  return [about, found, used].join('\n\n');
}

export function addDoctor(program: CliCommand, shell: Shell): void {
  program
    .command('doctor')
    .description('engines found and why others are not, versions, sizes: the first thing to paste into a bug report')
    .example('ssae doctor', 'What this installation can do')
    .example('ssae doctor --json > doctor.json', 'The same for a bug report')
    .action(() => shell.finish(doctor(shell)));
}

async function doctor(shell: Shell) {
  const json = await shell.withServices((services) => services.doctor());
  return { json, text: (terminal: Terminal) => report(terminal, json) };
}
