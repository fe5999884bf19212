import { Interrupted, UsageError, WorkError } from '../foundation/errors.ts';
import type { DaemonConnection } from '../protocol/connection.ts';
import type { Job, JobState } from '../protocol/jobs.ts';
import type { CliCommand } from './cli-command.ts';
import { withDaemon } from './detached.ts';
import { count } from './figures.ts';
import type { Outcome, Shell } from './shell.ts';
import { record, table } from './table.ts';

function stateText(state: JobState): string {
  switch (state.kind) {
    case 'running': {
      const { progress } = state;
      if (progress === null) return 'running';
      const total = progress.total === null ? '' : ` of ${count(progress.total)}`;
      return `running: ${progress.stage}, ${count(progress.done)}${total} ${progress.unit}`;
    }
    case 'paused':
      return `paused: ${state.reason}`;
    case 'failed':
      return `failed: ${state.error.message}`;
    case 'queued':
    case 'done':
    case 'cancelled':
      return state.kind;
  }
}

function told(json: Job): Outcome {
  return { json, text: () => `${json.kind} ${json.id}: ${stateText(json.state)}` };
}

async function list(shell: Shell): Promise<Outcome> {
  const { ListJobs } = await import('../protocol/messages.ts');
  const json = await withDaemon(shell, (daemon) => daemon.request(ListJobs, {}));
  return {
    json,
    text: (terminal) =>
      json.length === 0
        ? 'There is no job yet. Start one with --detach, for example: ssae train … --detach'
        : table(
            terminal,
            [
              { title: 'job', kind: 'name' },
              { title: 'kind', kind: 'name' },
              { title: 'created', kind: 'name' },
              { title: 'state', kind: 'text' },
            ],
            json.map(({ id, kind, created, state }) => [
              id,
              kind,
              created.slice(0, 16).replace('T', ' '),
              stateText(state),
            ]),
          ),
  };
}

async function show(shell: Shell, job: string): Promise<Outcome> {
  const { ShowJob } = await import('../protocol/messages.ts');
  const json = await withDaemon(shell, (daemon) => daemon.request(ShowJob, { job }));
  return {
    json,
    text: (terminal) =>
      record(terminal, [
        ['job', json.id],
        ['kind', json.kind],
        ['created', json.created],
        ['state', `${stateText(json.state)} (since ${json.state.since})`],
        ['attempts', count(json.attempts)],
        ['request', JSON.stringify(json.spec.request)],
        ...(json.result === null ? [] : [['result', JSON.stringify(json.result)] as const]),
      ]),
  };
}

function reportState(shell: Shell, { kind, state }: Job): void {
  if (state.kind !== 'running' || state.progress === null) return;
  const { stage, done, total, unit, note } = state.progress;
  shell.control.report({ stage: `${kind}: ${stage}`, done, total, unit, ...(note === null ? {} : { note }) });
}

/** Watching ends with the job or with Ctrl-C; the job goes on without a watcher. */
async function settled(shell: Shell, daemon: DaemonConnection, id: string): Promise<Job> {
  const { signal } = shell.control;
  const left = new Promise<never>((_, reject) => {
    const leave = (): void => {
      reject(new Interrupted(`the job goes on; stop it with: ssae job cancel ${id}`));
    };
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
  });
  return Promise.race([
    left,
    daemon.waitForJob(id, (job) => {
      reportState(shell, job);
    }),
  ]);
}

async function follow(shell: Shell, id: string): Promise<Outcome> {
  const { ShowJob } = await import('../protocol/messages.ts');
  const detail = await withDaemon(shell, async (daemon) => {
    await settled(shell, daemon, id);
    return daemon.request(ShowJob, { job: id });
  });
  const { state } = detail;
  if (state.kind === 'failed')
    throw state.error.kind === 'usage' ? new UsageError(state.error.message) : new WorkError(state.error.message);
  if (state.kind !== 'done') throw new Interrupted(`the job is ${stateText(state)}; go on with: ssae job resume ${id}`);
  return { json: detail, text: () => `${detail.kind} ${detail.id}: done. See its result with: ssae job show ${id}` };
}

async function change(shell: Shell, kind: 'cancel' | 'resume', job: string): Promise<Outcome> {
  const { CancelJob, ResumeJob } = await import('../protocol/messages.ts');
  const request = kind === 'cancel' ? CancelJob : ResumeJob;
  return told(await withDaemon(shell, (daemon) => daemon.request(request, { job })));
}

export function addJob(program: CliCommand, shell: Shell): void {
  const jobs = program
    .command('job')
    .description("the daemon's jobs: work that was started with --detach or by an editor");
  jobs
    .command('list')
    .description('all jobs that are remembered, oldest first')
    .example('ssae job list', 'A table of all jobs')
    .action(() => shell.finish(list(shell)));
  jobs
    .command('show <job>')
    .description('what a job was asked, how far it is, what came of it')
    .example('ssae job show 3f2a --json', 'Request, state and result for a program')
    .action((job: string) => shell.finish(show(shell, job)));
  jobs
    .command('follow <job>')
    .description('watch a job until it ends; Ctrl-C ends the watching, not the job')
    .example('ssae job follow 3f2a', 'Its progress, until it is done')
    .action((job: string) => shell.finish(follow(shell, job)));
  jobs
    .command('cancel <job>')
    .description('end a job; its checkpoint stays')
    .example('ssae job cancel 3f2a', 'End the job')
    .action((job: string) => shell.finish(change(shell, 'cancel', job)));
  jobs
    .command('resume <job>')
    .description('put a paused, failed or cancelled job back in the queue; it goes on from its checkpoint')
    .example('ssae job resume 3f2a', 'Go on with the job')
    .action((job: string) => shell.finish(change(shell, 'resume', job)));
  jobs.example('ssae job list', 'See all jobs').example('ssae job follow 3f2a', 'Watch one');
}
