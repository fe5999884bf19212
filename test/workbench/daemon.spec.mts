import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, type Workbench } from './workbench.mts';

test.use({ server: {} });
test.describe.configure({ mode: 'serial', timeout: 180_000 });

const TOGGLE = 'SSAE Studio: Toggle Feature Highlights';
const LONG = { timeout: 60_000 };

/** The process of the newest daemon of the private home folder. */
function daemonOf({ server }: Workbench): number {
  const folder = join(server.home, 'daemon');
  const newest = readdirSync(folder)
    .map((name) => Number(/^endpoint-(\d+)\.json$/.exec(name)?.[1] ?? 0))
    .reduce((one, other) => Math.max(one, other), 0);
  return (JSON.parse(readFileSync(join(folder, `endpoint-${newest}.json`), 'utf8')) as { pid: number }).pid;
}

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

const painted = async (workbench: Workbench): Promise<number> => (await workbench.backgrounds()).length;

/** Text that nobody has read yet, so that it has to be asked for. */
async function openFresh(workbench: Workbench, name: string): Promise<void> {
  writeFileSync(
    join(workbench.server.folder, name),
    `Light of ${name} is bent by the mass of a distant galaxy.\n`.repeat(5),
  );
  await workbench.openFile(name);
}

test('a daemon that was killed is started again, the text is painted, and it is said once', async ({ workbench }) => {
  await workbench.openFile('physics.txt');
  await workbench.run(TOGGLE);
  await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
  const before = await killDaemon(workbench);
  await openFresh(workbench, 'one.txt');
  await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
  expect(daemonOf(workbench)).not.toBe(before);
  const notice = workbench.toast('ended unexpectedly and was started again');
  await expect(notice).toHaveCount(1);
  await workbench.screenshot('daemon-restarted');
});

test('a daemon that is lost three times in a minute is left alone, with the log and a restart at hand', async ({
  workbench,
}) => {
  for (const name of ['two.txt', 'three.txt']) {
    await killDaemon(workbench);
    await openFresh(workbench, name);
    if (name === 'two.txt') await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
  }
  const error = workbench.toast('was lost three times within a minute');
  await expect(error).toBeVisible();
  await expect(error.getByRole('button', { name: 'Show Log' })).toBeVisible();
  await workbench.screenshot('daemon-given-up');
  await error.getByRole('button', { name: 'Restart Daemon' }).click();
  await expect.poll(() => painted(workbench), LONG).toBeGreaterThan(2);
});
