import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { packageRoot } from '../server/foundation/package-root.ts';

const SUPERVISE = join(packageRoot, 'scripts', 'workbench', 'supervise.mjs');

/** What a server does that starts a daemon: a detached child that outlives it. */
const PROGRAM = `
  const { spawn } = require('node:child_process');
  const { renameSync, writeFileSync } = require('node:fs');
  const daemon = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
  writeFileSync(process.argv[1] + '.part', JSON.stringify([process.pid, daemon.pid]));
  renameSync(process.argv[1] + '.part', process.argv[1]);
  setInterval(() => {}, 1000);
`;

/** What a test runner does: holds the supervisor's standard input until it is killed. */
const RUNNER = `
  const { spawn } = require('node:child_process');
  const stdio = ['pipe', 'ignore', 'ignore'];
  spawn(process.execPath, process.argv.slice(1), { detached: true, stdio });
  setInterval(() => {}, 1000);
`;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(process.platform !== 'linux')('the supervisor of the editor under test', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ssae-supervise-'));
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('ends the server and its daemon, and removes their folder, when the runner is killed', async () => {
    const pids = join(folder, 'pids.json');
    const env = { ...process.env, SSAE_WORKBENCH_RUN: folder };
    const given = ['-e', RUNNER, '--', SUPERVISE, process.execPath, '-e', PROGRAM, pids];
    const runner = spawn(process.execPath, given, { stdio: 'ignore', env });
    await vi.waitUntil(() => existsSync(pids), { timeout: 20_000 });
    const started = JSON.parse(await readFile(pids, 'utf8')) as number[];
    expect(started.filter(isAlive)).toHaveLength(2);
    runner.kill('SIGKILL');
    await vi.waitUntil(() => !started.some(isAlive) && !existsSync(folder), { timeout: 20_000 });
  });
});
