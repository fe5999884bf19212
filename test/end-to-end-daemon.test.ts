import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Home } from '../server/foundation/home.ts';
import { DaemonConnection } from '../server/protocol/connection.ts';
import type { Job, JobDetail } from '../server/protocol/jobs.ts';
import { Inspect, ShowJob } from '../server/protocol/messages.ts';
import type { InspectResult } from '../server/protocol/results.ts';
import { isAlive, until } from './daemon/workbench.ts';
import { Installation } from './fixtures/end-to-end/installation.ts';

const installation = new Installation();
const folder = new Home(installation.home).daemon;
const pids: number[] = [];

/** Starts the daemon where none runs. */
function daemonPid(): number {
  const { pid } = installation.answer<{ pid: number }>('daemon', 'start');
  pids.push(pid);
  return pid;
}

async function connect(): Promise<DaemonConnection> {
  const connection = await DaemonConnection.open(folder, 'test');
  if (connection === null) throw new Error('no daemon listens');
  return connection;
}

afterAll(() => {
  for (const pid of pids.filter(isAlive)) process.kill(pid, 'SIGKILL');
  installation.remove();
});

const withoutSeconds = ({ seconds, ...rest }: InspectResult): Omit<InspectResult, 'seconds'> => {
  expect(seconds).toBeGreaterThan(0);
  return rest;
};

describe('the daemon with its real services', () => {
  it('answers while a training job runs, and the job outlives kill -9 of it with the same bytes', async () => {
    const file = await installation.activations('rows.safetensors', 20_000, 64);
    const shape = ['--d-sae', '512', '--k', '8', '--batch', '256', '--tokens', '300000', '--checkpoint', '20'];
    const words = ['train', '--activations', file, ...shape];
    const first = daemonPid();
    const job = installation.answer<Job>(...words, '-o', installation.at('job'), '--detach');
    expect(job.kind).toBe('train');

    const text = 'A lichen is a fungus that keeps algae. Lichens grow slowly on bark.';
    const connection = await connect();
    const closed = connection.closed;
    await until('a checkpoint is there', () => existsSync(installation.at('job.checkpoint.safetensors')));
    const milliseconds: number[] = [];
    let answered: InspectResult | null = null;
    for (let query = 0; query < 8; query++) {
      const began = performance.now();
      answered = await connection.request(Inspect, { text, dictionary: 'builtin-gsae' });
      milliseconds.push(performance.now() - began);
    }
    const { state } = await connection.request(ShowJob, { job: job.id });
    console.log(`inspect beside a job (${state.kind}), ms: ${milliseconds.map((ms) => ms.toFixed(0)).join(' ')}`);
    if (state.kind !== 'running') throw new Error(`the job is ${state.kind}, it should run`);
    expect(state.progress).toMatchObject({ stage: 'training', unit: 'steps' });
    expect(state.progress!.done).toBeGreaterThan(0);

    process.kill(first, 'SIGKILL');
    await closed;
    await until('the daemon is gone', () => !isAlive(first));
    expect(existsSync(join(installation.at('job'), 'cfg.json'))).toBe(false);

    const second = daemonPid();
    expect(second).not.toBe(first);
    const [paused] = installation.answer<Job[]>('job', 'list');
    expect(paused).toMatchObject({ id: job.id, state: { kind: 'paused', reason: 'daemon died' } });
    installation.answer('job', 'resume', job.id);
    const done = installation.answer<JobDetail>('job', 'follow', job.id);
    expect(done).toMatchObject({ state: { kind: 'done' }, attempts: 2, result: { dSae: 512, steps: 1172 } });

    installation.answer(...words, '-o', installation.at('alone'));
    const weights = (name: string): Buffer => readFileSync(installation.at(name, 'sae_weights.safetensors'));
    expect(weights('job').equals(weights('alone'))).toBe(true);

    const { status, stdout } = installation.run(['inspect', '-', '--dictionary', 'builtin-gsae', '--json', '--quiet'], {
      input: text,
    });
    expect(status).toBe(0);
    expect(withoutSeconds(answered!)).toEqual(withoutSeconds(JSON.parse(stdout) as InspectResult));

    expect(installation.run(['daemon', 'stop']).status).toBe(0);
    await until('no process is left', () => !isAlive(second));
    expect(installation.answer('daemon', 'status')).toEqual({ running: false });
  });
});
