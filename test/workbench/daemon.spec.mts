import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  createMessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node.js';
import { publishEndpoint } from '../../server/protocol/endpoint.ts';
import { ERROR_CODE, Hello, StopDaemon } from '../../server/protocol/messages.ts';
import { daemonOf, extensionFolder, logOf, painted } from './steps.mts';
import { expect, test, type Workbench } from './workbench.mts';

test.use({ server: {} });
test.describe.configure({ mode: 'serial', timeout: 180_000 });

const TOGGLE = 'SSAE Studio: Toggle Feature Highlights';
const LONG = { timeout: 60_000 };

async function killDaemon(workbench: Workbench): Promise<number> {
  const pid = daemonOf(workbench);
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => isAlive(pid)).toBe(false);
  return pid;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Text that nobody has read yet, so that it has to be asked for. */
async function openFresh(workbench: Workbench, name: string): Promise<void> {
  writeFileSync(
    join(workbench.server.folder, name),
    `Light of ${name} is bent by the mass of a distant galaxy.\n`.repeat(5),
  );
  await workbench.openFile(name);
}

test('a daemon that was killed is started again before it is asked, and it is said once', async ({ workbench }) => {
  await workbench.openFile('physics.txt');
  await workbench.run(TOGGLE);
  await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
  const before = await killDaemon(workbench);
  const notice = workbench.toast('ended unexpectedly and was started again');
  await expect(notice).toHaveCount(1, LONG);
  expect(daemonOf(workbench)).not.toBe(before);
  await openFresh(workbench, 'one.txt');
  await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
  await expect(notice).toHaveCount(1);
  await expect(notice.getByRole('button', { name: 'Show Log' })).toBeVisible();
  await workbench.screenshot('daemon-restarted');
});

test('a daemon that is lost three times in a minute is left alone, with the log and a restart at hand', async ({
  workbench,
}) => {
  await expect.poll(() => isAlive(daemonOf(workbench)), LONG).toBe(true);
  await workbench.openFile('physics.txt');
  // What was killed in the test before counts while its minute lasts.
  const error = workbench.toast('was lost three times within a minute');
  await expect(async () => {
    if (await error.isVisible()) return;
    if (isAlive(daemonOf(workbench))) await killDaemon(workbench);
    await expect(error).toBeVisible({ timeout: 3000 });
  }).toPass(LONG);
  await expect(error).toHaveCount(1);
  await expect(error.getByRole('button', { name: 'Show Log' })).toBeVisible();
  await workbench.screenshot('daemon-given-up');
  await error.getByRole('button', { name: 'Restart Daemon' }).click();
  await openFresh(workbench, 'two.txt');
  await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
});

test('a daemon that is stopped in good order is no loss', async ({ workbench }) => {
  await workbench.openFile('physics.txt');
  const before = daemonOf(workbench);
  process.kill(before, 'SIGTERM');
  await expect.poll(() => isAlive(before), LONG).toBe(false);
  await openFresh(workbench, 'three.txt');
  await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
  expect(daemonOf(workbench)).not.toBe(before);
  await expect(workbench.toast('ended unexpectedly')).toHaveCount(0);
  expect(logOf(workbench)).not.toContain(`{"kind":"lost","pid":${before}}`);
});

/** Ends the daemon in good order, so that nothing counts as a loss. */
async function stopDaemon(workbench: Workbench): Promise<void> {
  const pid = daemonOf(workbench);
  process.kill(pid, 'SIGTERM');
  await expect.poll(() => isAlive(pid), LONG).toBe(false);
}

test('a daemon that cannot start says what and why, with the log and a restart at hand', async ({ workbench }) => {
  await stopDaemon(workbench);
  const program = join(extensionFolder(workbench), 'dist', 'server', 'main.js');
  renameSync(program, `${program}.kept`);
  writeFileSync(program, "throw new Error('the addon is missing');\n");
  await openFresh(workbench, 'four.txt');
  const error = workbench.toast('the daemon could not be started: it exited with status 1');
  await expect(error).toHaveCount(1, LONG);
  await expect(error).toContainText('the addon is missing');
  await expect(workbench.status('builtin-gsae')).toHaveAttribute('aria-label', /the addon is missing/);
  await workbench.screenshot('daemon-cannot-start');
  await error.getByRole('button', { name: 'Show Log' }).click();
  await expect(workbench.page.locator('.part.panel')).toContainText('daemon');
  expect(logOf(workbench)).toContain('the addon is missing');
  renameSync(`${program}.kept`, program);
  await workbench.run('SSAE Studio: Restart Daemon');
  await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
  await workbench.run('View: Hide Panel');
});

test('a home folder that others can enter is refused, with what to do about it', async ({ workbench }) => {
  await stopDaemon(workbench);
  const folder = join(workbench.server.home, 'daemon');
  chmodSync(folder, 0o755);
  await openFresh(workbench, 'five.txt');
  const error = workbench.toast('can be entered by others (mode 755); run: chmod 700');
  await expect(error).toHaveCount(1, LONG);
  chmodSync(folder, 0o700);
  await error.getByRole('button', { name: 'Restart Daemon' }).click();
  await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
});

/** A daemon of an older protocol, as far as a window sees it: it refuses hello and stops when it is asked to. */
async function startOldDaemon({ server }: Workbench): Promise<{ readonly stopped: () => boolean }> {
  const folder = join(server.home, 'daemon');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const socket = join(server.work, 'old.sock');
  let stopped = false;
  const listener = createServer((peer) => {
    const connection = createMessageConnection(new StreamMessageReader(peer), new StreamMessageWriter(peer));
    const refusal =
      'the running daemon is version 0.0.1 and speaks protocol 1; stop it so that the matching one starts';
    connection.onRequest(Hello.type, () => new ResponseError(ERROR_CODE.refused, refusal, { kind: 'work' }));
    connection.onRequest(StopDaemon.type, () => {
      stopped = true;
      listener.close();
      setTimeout(() => peer.end(), 50);
      return null;
    });
    connection.listen();
  });
  await new Promise<void>((resolve) => listener.listen(socket, resolve));
  const started = new Date().toISOString();
  const endpoint = { pid: process.pid, version: '0.0.1', protocol: 1, socket, token: 'f'.repeat(64), started };
  expect(await publishEndpoint(folder, endpoint)).toBeNull();
  return { stopped: () => stopped };
}

test('a daemon of an older version is not talked to: it is said, and a restart replaces it', async ({ workbench }) => {
  await stopDaemon(workbench);
  const old = await startOldDaemon(workbench);
  await openFresh(workbench, 'six.txt');
  const error = workbench.toast('version 0.0.1 and speaks protocol 1');
  await expect(error).toHaveCount(1, LONG);
  await expect(error.getByRole('button', { name: 'Show Log' })).toBeVisible();
  await workbench.screenshot('daemon-old');
  expect(old.stopped()).toBe(false);
  await error.getByRole('button', { name: 'Restart Daemon' }).click();
  await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
  expect(old.stopped()).toBe(true);
  expect(daemonOf(workbench)).not.toBe(process.pid);
});
