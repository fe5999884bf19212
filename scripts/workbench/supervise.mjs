/**
 * node supervise.mjs PROGRAM ARGUMENTS…: runs a program and ends it, with all that it started, when standard input closes. The
 * test runner holds the other end, so the server goes when a test fails, on Ctrl-C, and when the runner itself is killed. A
 * detached grandchild (the daemon that the extension starts) is known by SSAE_WORKBENCH_RUN, the run's folder, in its environment.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const ROUNDS = 100;
const ROUND_MILLISECONDS = 100;
/** Rounds in which processes are asked to end; then they are killed. */
const PATIENT_ROUNDS = 30;

const run = process.env.SSAE_WORKBENCH_RUN;
const child = spawn(process.argv[2], process.argv.slice(3), { stdio: ['ignore', 'inherit', 'inherit'] });

function readProcess(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0');
  } catch {
    return []; // Gone, or another user's.
  }
}

function ours() {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .filter((pid) => readProcess(pid, 'environ').includes(`SSAE_WORKBENCH_RUN=${run}`));
}

function send(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // It has gone meanwhile.
  }
}

let ending = false;
let wasAsked = false;

async function end() {
  if (ending) return;
  ending = true;
  const orphaned = process.stdin.closed && !wasAsked;
  send(child.pid, 'SIGTERM');
  for (let round = 0; round < ROUNDS; round++) {
    const left = ours();
    if (left.length === 0) break;
    if (round % 10 === 0) for (const pid of left) send(pid, round < PATIENT_ROUNDS ? 'SIGTERM' : 'SIGKILL');
    await sleep(ROUND_MILLISECONDS);
  }
  if (orphaned) rmSync(run, { recursive: true, force: true }); // Nobody else will tidy up.
  process.exit(child.exitCode ?? 0);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);
child.on('exit', end).on('error', (error) => {
  console.error(String(error));
  void end();
});
process.stdin
  .on('data', () => {
    wasAsked = true;
  })
  .on('close', end)
  .on('error', end);
