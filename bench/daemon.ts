/**
 * The daemon's two promises: first answer within 1.5 s of its start, queries within 50 ms while a job keeps the cores busy.
 * Run: node bench/run.mjs daemon
 */
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import * as messages from '../server/protocol/messages.ts';
import { bundleSlowDaemon, steps, until, Workbench } from '../test/daemon/workbench.ts';

const QUERIES = 400;
const STARTS = 5;

function quantile(sorted: readonly number[], share: number): string {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(1);
}

function summarize(name: string, milliseconds: number[]): void {
  const sorted = milliseconds.sort((a, b) => a - b);
  const figures = [0.5, 0.95, 0.99, 1].map((share) => quantile(sorted, share));
  console.log(
    `${name}: median ${figures[0]} ms, p95 ${figures[1]}, p99 ${figures[2]}, worst ${figures[3]}, n ${sorted.length}`,
  );
}

async function timeQueries(bench: Workbench): Promise<number[]> {
  const client = await bench.connect();
  const times: number[] = [];
  for (let i = 0; i < QUERIES; i++) {
    const started = performance.now();
    await client.request(messages.ListModels, {});
    times.push(performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return times;
}

const { program, remove } = await bundleSlowDaemon();
process.once('exit', remove);
const starts: number[] = [];
for (let i = 0; i < STARTS; i++) {
  await using bench = new Workbench(program);
  const started = performance.now();
  await bench.start();
  await (await bench.connect()).request(messages.ListModels, {});
  starts.push(performance.now() - started);
}
summarize('process start to first answered query', starts);

const cores = availableParallelism();
await using bench = new Workbench(program);
await bench.start({ SSAE_DAEMON_JOBS: String(cores) });
summarize('query, idle daemon', await timeQueries(bench));
const client = await bench.connect();
// Steps of 300 ms without a breath, like a training step's kernel, on every core.
for (let core = 0; core < cores; core++) await client.request(messages.StartJob, steps(100_000, 300, `counter${core}`));
await until('the jobs run', async () => (await client.request(messages.ShowStatus, {})).jobs.running === cores);
summarize(`query, while jobs burn all ${cores} cores`, await timeQueries(bench));
