import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { calm, SERVER, test, USUAL } from './bench.mts';
import { p95, report } from './rows.mts';
import type { Workbench } from '../../test/workbench/workbench.mts';

const DICTIONARY = 'builtin-gsae';
const CLI = join(import.meta.dirname, '..', '..', 'dist', 'server', 'cli.js');
const OPENED = 12;
const LONG = { timeout: 60_000 };
const GOAL = p95(300);

test.use({ server: SERVER });

interface PageWindow {
  /** When the next key was pressed, milliseconds since 1970. */
  ssaePressed?: Promise<number>;
}

/** Features that fire on the reference corpus, in the order of its text. */
function features({ server }: Workbench): number[] {
  const words = [CLI, '--home', server.home, '--quiet', '--json', 'inspect', 'library/astronomy.txt'];
  const text = execFileSync(process.execPath, [...words, '--dictionary', DICTIONARY, '--top', '1'], {
    ...{ cwd: server.folder, encoding: 'utf8' },
  });
  return [...new Set([...text.matchAll(/"feature": ?(\d+)/g)].map(([, feature]) => Number(feature)))];
}

/** Types a feature's number into the list of features and takes it. @returns when Enter was pressed, milliseconds since 1970 */
async function take(w: Workbench, feature: number): Promise<number> {
  await w.run('SSAE Studio: Open Feature…', { wait: false });
  await w.quickInput.fill(String(feature));
  await w.row(String(feature)).waitFor(LONG);
  await calm(w, 100);
  await w.page.evaluate(() => {
    (window as PageWindow).ssaePressed = new Promise((resolve) => {
      const note = ({ timeStamp }: Event): void => {
        resolve(performance.timeOrigin + timeStamp);
      };
      addEventListener('keydown', note, { capture: true, once: true });
    });
  });
  await w.page.keyboard.press('Enter');
  return w.page.evaluate(() => (window as PageWindow).ssaePressed!);
}

/** When a feature's page has a histogram and passages, milliseconds since 1970; Playwright looks at every frame and answers a little later. */
async function shownAt(w: Workbench, feature: number): Promise<number> {
  const page = w.webview();
  await page.locator('h1', { hasText: `Feature ${feature} ` }).waitFor(LONG);
  await page.locator('[role="img"][aria-label^="Histogram"]').waitFor(LONG);
  await page.locator('.quantile').first().waitFor(LONG);
  return Date.now();
}

test('a feature to its page with histogram and passages', async ({ workbench: w }) => {
  await w.page.setViewportSize(USUAL);
  const wanted = features(w);
  const next = (): number => wanted.shift()!;
  const timed = async (feature: number): Promise<number> => {
    const pressed = await take(w, feature);
    return (await shownAt(w, feature)) - pressed;
  };
  await timed(next()); // The first of all makes the index of the corpus.
  const [turned, opened, again]: [number[], number[], number[]] = [[], [], []];
  const seen = wanted.slice(0, OPENED);
  for (let i = 0; i < OPENED; i++) turned.push(await timed(next()));
  for (let i = 0; i < OPENED; i++) {
    await w.run('View: Close All Editors');
    opened.push(await timed(next()));
  }
  for (const feature of seen) again.push(await timed(feature));
  report({ row: '6', what: 'feature → its page, in the open tab', goal: GOAL }, turned);
  report({ row: '6', what: 'feature → its page, in the open tab, seen before', goal: GOAL }, again);
  report({ row: '6', what: 'feature → its page, in a new tab', goal: GOAL }, opened);
});
