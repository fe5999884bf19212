import { mkdir } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { messageOf } from '../foundation/errors.ts';
import type { Home } from '../foundation/home.ts';
import { daemonLog } from '../protocol/launch.ts';
import * as messages from '../protocol/messages.ts';
import type { Services } from '../services/services.ts';
import { JobQueue } from './job-queue.ts';
import { JobRun } from './job-run.ts';
import { LazyServices } from './lazy-services.ts';
import { Listener } from './listener.ts';
import { Log } from './log.ts';
import { answerQueries } from './queries.ts';
import { Session } from './session.ts';
import { TrainingHistories } from './training-histories.ts';

export interface DaemonOptions {
  readonly home: Home;
  readonly version: string;
  /** Minutes without client and job after which the daemon exits; fractions are minutes' fractions. */
  readonly idleMinutes: number;
  /** Jobs that run at the same time. */
  readonly parallelJobs: number;
  /** The bundle that a job's worker thread runs; it calls `runJobThread`. */
  readonly jobProgram: string;
}

/** Milliseconds that running jobs have for a checkpoint when the daemon stops. */
const STOP_GRACE_MILLISECONDS = 4000;

/**
 * Runs the daemon until it is asked to stop, by a signal or a client, or has been idle long enough.
 * @throws WorkError when another daemon lives, or the folder cannot be used.
 */
export async function runDaemon(
  options: DaemonOptions,
  openServices: (home: Home) => Services | Promise<Services>,
): Promise<void> {
  const { home, version } = options;
  let stop: (why: string) => void = () => undefined;
  const stopped = new Promise<string>((resolve) => {
    stop = (why) => {
      stopping = true;
      resolve(why);
    };
  });
  const sessions = new Set<Session>();
  let stopping = false;
  const early: Socket[] = [];
  let accept = (socket: Socket): void => void early.push(socket);
  const listener = await Listener.open(home.daemon, version, (socket) => {
    accept(socket);
  });
  const log = new Log(daemonLog(home.daemon));
  log.info(`daemon ${version} started as process ${process.pid}, home ${home.folder}`);
  handleProcess(log, stop);

  await mkdir(home.jobs, { recursive: true });
  const jobs = await JobQueue.open({
    folder: home.jobs,
    parallel: options.parallelJobs,
    log,
    start: (spec, report) => new JobRun(options.jobProgram, { home: home.folder, spec }, report),
  });
  const histories = new TrainingHistories(home.jobs, log);
  jobs.onChange((job) => {
    histories.note(job);
    for (const session of sessions) session.tell(job);
  });
  await histories.keepOnly(jobs.list());
  const services = new LazyServices(() => openServices(home));
  const status = (): messages.DaemonStatus => ({
    ...{ version, pid: process.pid, home: home.folder, started: listener.endpoint.started, clients: sessions.size },
    ...{ jobs: jobs.counts, memory: process.memoryUsage.rss(), log: log.path },
  });

  accept = (socket) => {
    const host = {
      ...{ token: listener.endpoint.token, version, log, stopping: () => stopping },
      stop: () => {
        stop('a client asked');
      },
    };
    const session = new Session(host, socket);
    sessions.add(session);
    void session.closed.then(() => sessions.delete(session));
    session.answer(messages.ShowStatus, status);
    answerJobs(session, jobs, histories);
    answerQueries(session, () => services.get());
    session.listen();
  };
  early.forEach(accept);

  const busy = (): boolean => sessions.size > 0 || jobs.counts.running + jobs.counts.queued > 0;
  const idle = stopWhenIdle(options.idleMinutes, busy, stop);
  log.info(`daemon stops: ${await stopped}`);
  clearInterval(idle);
  // The door stays open until the jobs stand, so that no second daemon takes up journals that are still being written.
  await jobs.stop(STOP_GRACE_MILLISECONDS);
  listener.close();
  for (const session of sessions) session.close();
  await services[Symbol.asyncDispose]().catch((error: unknown) => {
    log.error(`the services did not close: ${messageOf(error)}`);
  });
  log.info('daemon stopped');
}

function answerJobs(session: Session, jobs: JobQueue, histories: TrainingHistories): void {
  session.answer(messages.StartJob, (spec) => jobs.add(spec));
  session.answer(messages.ListJobs, () => jobs.list());
  session.answer(messages.ShowJob, ({ job }) => jobs.show(job));
  session.answer(messages.ShowTrainingHistory, async ({ job, after }) => histories.show(await jobs.show(job), after));
  session.answer(messages.CancelJob, ({ job }) => jobs.cancel(job));
  session.answer(messages.PauseJob, ({ job }) => jobs.pause(job));
  session.answer(messages.ResumeJob, ({ job }) => jobs.resume(job));
  session.answer(messages.FollowJobs, ({ job }) => {
    session.follow(job);
    return job === null ? jobs.list() : [jobs.get(job)];
  });
}

function handleProcess(log: Log, stop: (why: string) => void): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => {
      stop(signal);
    });
  // One query's stray failure must not end a day's training: it is logged, and the daemon goes on.
  process.on('unhandledRejection', (reason) => {
    log.error(`unhandled: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`);
  });
  process.on('uncaughtExceptionMonitor', (error) => {
    log.error(`the daemon dies of: ${error.stack ?? error.message}`);
  });
}

function stopWhenIdle(minutes: number, busy: () => boolean, stop: (why: string) => void): NodeJS.Timeout {
  const limit = minutes * 60_000;
  let busyAt = performance.now();
  return setInterval(
    () => {
      if (busy()) busyAt = performance.now();
      else if (performance.now() - busyAt >= limit) stop(`idle for ${minutes} minutes`);
    },
    Math.min(10_000, limit / 4),
  );
}
