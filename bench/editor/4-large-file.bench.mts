import { join } from 'node:path';
import { readdirSync, readFileSync } from 'node:fs';
import {
  calm,
  expect,
  freshSeed,
  highlight,
  paintByStrongest,
  REPETITIONS,
  SERVER,
  test,
  USUAL,
  write,
} from './bench.mts';
import { timed } from './page-clock.mts';
import { prose } from './prose.mts';
import { median, p95, report } from './rows.mts';
import type { Workbench } from '../../test/workbench/workbench.mts';

const MEGABYTE_LINES = 12_700;
const POLL_MILLISECONDS = 500;

test.use({ server: SERVER });

/** The newest extension host of the server: an older one may linger after a reload. */
function extensionHost({ server }: Workbench): string {
  const own = readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return (
        command.includes('--type=extensionHost') && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(server.work)
      );
    } catch {
      return false; // It ended meanwhile.
    }
  });
  const newest = own.sort((a, b) => Number(a) - Number(b)).at(-1);
  if (newest === undefined) throw new Error('no extension host was found below /proc');
  return newest;
}

/** Resident megabytes of a process. */
function megabytes(pid: string): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

/** Processor seconds of the daemon: when they stand still, all is read. */
function daemonSeconds({ server }: Workbench): number {
  const folder = join(server.home, 'daemon');
  const newest = readdirSync(folder)
    .filter((name) => /^endpoint-\d+\.json$/.test(name))
    .sort()
    .at(-1)!;
  const { pid } = JSON.parse(readFileSync(join(folder, newest), 'utf8')) as { pid: number };
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

test('the first screen of 1 MB', async ({ workbench: w }) => {
  await w.page.setViewportSize(USUAL);
  write(w, 'small.txt', prose(freshSeed(), 10));
  await w.openFile('small.txt');
  await paintByStrongest(w);
  await highlight(w, true);
  const fromKey: number[] = [];
  const fromText: number[] = [];
  for (let i = 0; i < REPETITIONS; i++) {
    const name = `large-${i % 2}-${i}.txt`;
    write(w, name, prose(freshSeed(), MEGABYTE_LINES));
    await w.page.keyboard.press('Control+P');
    await expect(async () => {
      await w.quickInput.fill('');
      await w.quickInput.fill(name);
      await w.row(name).waitFor({ timeout: 3000 });
    }).toPass();
    const { text, done } = await timed(w.page, () => w.page.keyboard.press('Enter'), { editor: name });
    fromKey.push(done);
    fromText.push(done - text);
    await w.page.keyboard.press('Control+F4');
    await w.run('View: Close All Editors');
  }
  const row = '4';
  report({ row, what: '1 MB: text on screen → first screen painted', goal: p95(500) }, fromText);
  report({ row, what: '1 MB: Enter → first screen painted' }, fromKey);
});

test('the whole of 1 MB', async ({ workbench: w }) => {
  await w.page.setViewportSize(USUAL);
  await calm(w, 1500);
  const host = extensionHost(w);
  const idle = megabytes(host);
  write(w, 'whole.txt', prose(freshSeed(), MEGABYTE_LINES));
  const started = performance.now();
  await w.openFile('whole.txt');
  let [before, still, peak] = [-1, 0, idle];
  let ended = started;
  while (still < 4) {
    await w.page.waitForTimeout(POLL_MILLISECONDS);
    peak = Math.max(peak, megabytes(host));
    const seconds = daemonSeconds(w);
    still = seconds - before < 0.05 ? still + 1 : 0;
    if (still === 0) ended = performance.now();
    before = seconds;
  }
  const row = '4';
  report({ row, what: '1 MB: all read in the background', unit: 's' }, [(ended - started) / 1000]);
  report({ row, what: 'extension host above idle, all read', unit: 'MB', goal: median(100) }, [megabytes(host) - idle]);
  report({ row, what: 'extension host above idle, most while reading', unit: 'MB' }, [peak - idle]);
});
