import type { DaemonStatus } from '../protocol/messages.ts';
import type { CliCommand } from './cli-command.ts';
import { withDaemon } from './detached.ts';
import { bytes, count } from './figures.ts';
import type { Outcome, Shell } from './shell.ts';
import { record } from './table.ts';
import type { Terminal } from './terminal.ts';
import { wholeNumber } from './values.ts';

function shown(terminal: Terminal, status: DaemonStatus): string {
  return record(terminal, [
    ['daemon', `running, process ${status.pid}, version ${status.version}`],
    ['since', status.started],
    ['home', status.home],
    ['clients', count(status.clients)],
    ['jobs', `${count(status.jobs.running)} running, ${count(status.jobs.queued)} queued`],
    ['memory', bytes(status.memory)],
    ['log', status.log],
  ]);
}

async function start(shell: Shell): Promise<Outcome> {
  const { ShowStatus } = await import('../protocol/messages.ts');
  const json = await withDaemon(shell, (daemon) => daemon.request(ShowStatus, {}));
  return { json, text: (terminal) => shown(terminal, json) };
}

async function status(shell: Shell): Promise<Outcome> {
  const { findDaemon } = await import('../daemon/client.ts');
  const daemon = await findDaemon(shell.home);
  if (daemon === null) return { json: { running: false }, text: () => 'No daemon runs.' };
  try {
    const { ShowStatus } = await import('../protocol/messages.ts');
    const found = await daemon.request(ShowStatus, {});
    return { json: { running: true, ...found }, text: (terminal) => shown(terminal, found) };
  } finally {
    daemon.dispose();
  }
}

async function stop(shell: Shell): Promise<Outcome> {
  const { stopDaemon } = await import('../daemon/client.ts');
  const stopped = await stopDaemon(shell.home);
  return { json: { stopped }, text: () => (stopped ? 'The daemon has stopped.' : 'No daemon runs.') };
}

async function logs(shell: Shell, lines: number): Promise<Outcome> {
  const { readDaemonLog } = await import('../daemon/client.ts');
  const json = readDaemonLog(shell.home, lines);
  return { json, text: () => (json.length === 0 ? 'The daemon has written no log yet.' : json.join('\n')) };
}

export function addDaemon(program: CliCommand, shell: Shell): void {
  const daemon = program.command('daemon').description('the daemon, which serves editors and runs jobs');
  daemon
    .command('start')
    .description('start the daemon where it does not run')
    .example('ssae daemon start', 'Start it, and see its state')
    .action(() => shell.finish(start(shell)));
  daemon
    .command('status')
    .description('whether it runs, its jobs, clients and memory')
    .example('ssae daemon status --json', 'For a program')
    .action(() => shell.finish(status(shell)));
  daemon
    .command('stop')
    .description('stop it; running jobs checkpoint first and can be resumed')
    .example('ssae daemon stop', 'Stop the daemon')
    .action(() => shell.finish(stop(shell)));
  daemon
    .command('logs')
    .description("the last lines of the daemon's log")
    .takes('--lines <n>', 'how many', wholeNumber(1, 100_000), { default: 50 })
    .example('ssae daemon logs --lines 200', 'The last 200 lines')
    .action(({ lines }: { lines: number }) => shell.finish(logs(shell, lines)));
  daemon.example('ssae daemon status', 'Is it running?').example('ssae daemon logs', 'What did it do?');
}
