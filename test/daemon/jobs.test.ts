import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { TrainingPoints } from '../../server/daemon/training-points.ts';
import type { Job } from '../../server/protocol/jobs.ts';
import * as messages from '../../server/protocol/messages.ts';
import { EvaluateRequest, RetrieveRequest } from '../../server/protocol/requests.ts';
import { bundleSlowDaemon, isAlive, steps, until, Workbench } from './workbench.ts';

let program: string;
beforeAll(async () => {
  const bundled = await bundleSlowDaemon();
  program = bundled.program;
  return bundled.remove;
});

async function stepsDone(bench: Workbench, output = 'counter'): Promise<number> {
  return (await readFile(join(bench.home.folder, `${output}.steps`), 'utf8').catch(() => '')).length;
}

describe('a job', () => {
  it('runs, tells its progress with an estimate, and keeps its result', async () => {
    await using bench = new Workbench(program);
    await bench.start();
    const client = await bench.connect();
    const seen: Job[] = [];
    const { id } = await client.request(messages.StartJob, steps(30, 20));
    const job = await client.waitForJob(id, (change) => seen.push(change));
    expect(job.state.kind).toBe('done');
    const running = seen
      .map(({ state }) => (state.kind === 'running' ? state.progress : null))
      .filter((p) => p !== null);
    expect(running.at(-1)).toMatchObject({ stage: 'training', total: 30, unit: 'steps', note: 'loss 0.5' });
    expect(running.at(-1)!.perSecond).toBeGreaterThan(0);
    expect(running.at(-1)!.secondsLeft).toBeGreaterThanOrEqual(0);
    expect((await client.request(messages.ShowJob, { job: id })).result).toMatchObject({
      dictionary: 'counter',
      steps: 30,
    });
    expect(await readFile(join(bench.home.daemon, 'daemon.log'), 'utf8')).toContain(`job ${id} engine: fingers`);
  });

  it('fails with the kind and words of its service, and the daemon lives on', async () => {
    await using bench = new Workbench(program);
    await bench.start();
    const client = await bench.connect();
    const request = RetrieveRequest.parse({ seeds: 's', corpus: 'c', arm: 'bm25', tokens: 1 });
    const { id } = await client.request(messages.StartJob, { kind: 'retrieve', request });
    const { state } = await client.waitForJob(id, () => undefined);
    expect(state).toMatchObject({ kind: 'failed', error: { kind: 'work', message: 'the corpus is damaged' } });
    await expect(client.request(messages.CancelJob, { job: id })).rejects.toThrow('nothing to cancel');
    await expect(client.request(messages.ShowJob, { job: 'nope' })).rejects.toThrow('job is "nope"');
  });

  it('is told to every client that follows it, outlives the one that started it, and can be cancelled by another', async () => {
    await using bench = new Workbench(program);
    await bench.start();
    const [starter, other] = [await bench.connect('starter'), await bench.connect('other')];
    const { id } = await starter.request(messages.StartJob, steps(100_000, 5));
    const ended = other.waitForJob(id, () => undefined);
    starter.dispose();
    const before = await until('some steps are done', () => stepsDone(bench));
    await until('more steps are done', async () => (await stepsDone(bench)) > before);
    expect((await other.request(messages.CancelJob, { job: id })).state.kind).toBe('cancelled');
    expect((await ended).state.kind).toBe('cancelled');
    const { jobs } = await other.request(messages.ShowStatus, {});
    expect(jobs).toEqual({ queued: 0, running: 0 });
  });

  it('waits for the one before it; while it waits it is cancelled at once', async () => {
    await using bench = new Workbench(program);
    await bench.start();
    const client = await bench.connect();
    const first = await client.request(messages.StartJob, steps(60, 10, 'first'));
    const second = await client.request(messages.StartJob, steps(100_000, 10, 'second'));
    const third = await client.request(messages.StartJob, steps(3, 10, 'third'));
    expect(second.state.kind).toBe('queued');
    expect((await client.request(messages.CancelJob, { job: second.id })).state.kind).toBe('cancelled');
    const [one, three] = await Promise.all([first, third].map(({ id }) => client.waitForJob(id, () => undefined)));
    expect([one!.state.kind, three!.state.kind]).toEqual(['done', 'done']);
    expect(await stepsDone(bench, 'second')).toBe(0);
    expect(three!.state.since >= one!.state.since).toBe(true);
  });

  it('is paused and resumed from where it stood', async () => {
    await using bench = new Workbench(program);
    await bench.start();
    const client = await bench.connect();
    const { id } = await client.request(messages.StartJob, steps(60, 10));
    await until('some steps are done', () => stepsDone(bench));
    expect((await client.request(messages.PauseJob, { job: id })).state).toMatchObject({
      kind: 'paused',
      reason: 'requested',
    });
    const stood = await stepsDone(bench);
    expect(stood).toBeLessThan(60);
    await client.request(messages.ResumeJob, { job: id });
    expect((await client.waitForJob(id, () => undefined)).state.kind).toBe('done');
    const detail = await client.request(messages.ShowJob, { job: id });
    expect(detail).toMatchObject({ attempts: 2, result: { steps: 60, tokens: stood } });
    await expect(client.request(messages.ResumeJob, { job: id })).rejects.toThrow('job');
  });

  it('has a training history that outlives kill -9 and begins again where a resumed run went on', async () => {
    await using bench = new Workbench(program);
    const killed = await bench.start();
    const before = await bench.connect();
    const { id } = await before.request(messages.StartJob, steps(60, 10));
    const column = (text: string): number[] => [
      ...new Float64Array(new Uint8Array(Buffer.from(text, 'base64')).buffer),
    ];
    const first = await until('some points are there', async () => {
      const { step } = await before.request(messages.ShowTrainingHistory, { job: id });
      return column(step).length > 1 && column(step);
    });
    killed.child.kill('SIGKILL');
    await killed.exit;
    await appendFile(new TrainingPoints(bench.home.jobs, id).path, 'torn');
    await bench.start();
    const client = await bench.connect();
    const kept = await client.request(messages.ShowTrainingHistory, { job: id });
    expect(column(kept.step).slice(0, first.length)).toEqual(first);
    await client.request(messages.ResumeJob, { job: id });
    await client.waitForJob(id, () => undefined);
    const whole = await client.request(messages.ShowTrainingHistory, { job: id });
    const step = column(whole.step);
    expect(step).toEqual([...new Set(step)].sort((a, b) => a - b));
    expect(step.length).toBeGreaterThan(column(kept.step).length);
    expect(column(whole.series.loss)).toEqual(step.map((at) => 1 / at));
    expect(column(whole.series.explainedVariance).every(Number.isNaN)).toBe(true);
    expect(whole.batch).toBe(10);
    const rest = await client.request(messages.ShowTrainingHistory, { job: id, after: step[1]! });
    expect(column(rest.step)).toEqual(step.slice(2));
    const evaluation = {
      kind: 'retrieve',
      request: RetrieveRequest.parse({ seeds: 's', corpus: 'c', arm: 'bm25', tokens: 1 }),
    } as const;
    const other = await client.request(messages.StartJob, evaluation);
    await expect(client.request(messages.ShowTrainingHistory, { job: other.id })).rejects.toThrow('of kind retrieve');
  });

  it('is known to have been interrupted after kill -9 and goes on when resumed', async () => {
    await using bench = new Workbench(program);
    const killed = await bench.start();
    const before = await bench.connect();
    const { id } = await before.request(messages.StartJob, steps(60, 10));
    const waiting = await before.request(messages.StartJob, steps(2, 1, 'waiting'));
    await until('some steps are done', () => stepsDone(bench));
    killed.child.kill('SIGKILL');
    await killed.exit;
    const stood = await stepsDone(bench);
    // The line that was being written when the power went.
    await appendFile(join(bench.home.jobs, `${id}.jsonl`), '{"event":"done","at":"2026');
    await bench.start();
    const client = await bench.connect();
    const [job] = await client.request(messages.ListJobs, {});
    expect(job).toMatchObject({ id, state: { kind: 'paused', reason: 'daemon died' } });
    expect((await client.waitForJob(waiting.id, () => undefined)).state.kind).toBe('done');
    await client.request(messages.ResumeJob, { job: id });
    expect((await client.waitForJob(id, () => undefined)).state.kind).toBe('done');
    expect(await client.request(messages.ShowJob, { job: id })).toMatchObject({ result: { steps: 60, tokens: stood } });
  });

  it('is paused when the daemon is asked to end, which leaves no process behind', async () => {
    await using bench = new Workbench(program);
    const { child, exit } = await bench.start();
    const client = await bench.connect();
    const { id } = await client.request(messages.StartJob, steps(100_000, 5));
    await until('some steps are done', () => stepsDone(bench));
    const children = await childrenOf(child.pid!);
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect([child.pid!, ...children].filter(isAlive)).toEqual([]);
    const stood = await stepsDone(bench);
    await bench.start();
    const again = await bench.connect();
    expect((await again.request(messages.ShowJob, { job: id })).state).toMatchObject({
      kind: 'paused',
      reason: 'daemon stopped',
    });
    expect(await stepsDone(bench)).toBe(stood);
  });

  it('that hears nothing is ended by force', async () => {
    await using bench = new Workbench(program);
    const { child, exit } = await bench.start();
    const client = await bench.connect();
    const request = EvaluateRequest.parse({ dictionary: 'd', corpus: 'c' });
    const { id } = await client.request(messages.StartJob, { kind: 'evaluate', request });
    await until('it runs', async () => (await client.request(messages.ShowJob, { job: id })).state.kind === 'running');
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    const journal = await readFile(join(bench.home.jobs, `${id}.jsonl`), 'utf8');
    expect(journal.trim().split('\n').at(-1)).toContain('daemon stopped');
  });

  it('whose journal is damaged is left aside, the others are there', async () => {
    await using bench = new Workbench(program);
    const first = await bench.start();
    const { id } = await (await bench.connect()).request(messages.StartJob, steps(1, 1));
    first.child.kill('SIGTERM');
    await first.exit;
    await appendFile(join(bench.home.jobs, '0-train-damaged.jsonl'), '{"event":"created","__proto__":{}}\n');
    await bench.start();
    const client = await bench.connect();
    expect((await client.request(messages.ListJobs, {})).map((job) => job.id)).toEqual([id]);
    expect(await readdir(bench.home.jobs)).toContain('0-train-damaged.jsonl');
    expect(await readFile(join(bench.home.daemon, 'daemon.log'), 'utf8')).toContain('a journal is left aside');
  });
});

/** Children of a process, where /proc tells. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.trim().split(' ').filter(Boolean).map(Number);
}
