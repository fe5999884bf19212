import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectAccessible } from './accessibility.mts';
import { expect, test, type Workbench } from './workbench.mts';

const FOLDER = join(import.meta.dirname, '..', 'fixtures', 'end-to-end');
test.use({ server: { folder: FOLDER } });
test.describe.configure({ mode: 'serial', timeout: 240_000 });

const LONG = { timeout: 180_000 };
/** Trains three dictionaries for a few steps each. */
const EXPERIMENT = {
  title: 'Lichens, specialised',
  corpora: {
    village: { sources: ['general.txt', 'lichens.txt'], unit: 'paragraph' },
    held: { sources: ['lichens-held-out.txt'], unit: 'paragraph' },
  },
  corpus: 'village',
  seeds: { lichens: { files: ['lichen-seeds.txt'] } },
  arms: ['bm25'],
  selection: { tokens: 300 },
  objectives: [{ kind: 'term', tau: 0.5 }],
  training: { tokens: 2000, batch: 128 },
  evaluation: { domain: { corpus: 'held' } },
};

function write({ server }: Workbench, name: string, change: object = {}): void {
  const text = JSON.stringify({ ...EXPERIMENT, ...change }, null, 2);
  writeFileSync(join(server.work, 'folder', name), `${text}\n`);
}

function lens(workbench: Workbench, text: string | RegExp) {
  return workbench.page.locator('.codelens-decoration a', { hasText: text });
}

test('the editor completes keys and values of an experiment, and says what a key is', async ({ workbench }) => {
  const { page } = workbench;
  write(workbench, 'typed.ssae.json');
  await workbench.openFile('typed.ssae.json');
  await page.keyboard.press('Control+Home');
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await page.keyboard.type('"lab');
  const suggestions = page.locator('.suggest-widget.visible');
  await expect(suggestions).toContainText('labels', { timeout: 30_000 });
  await workbench.screenshot('experiment-completion');
  await page.keyboard.press('Escape');
  await workbench.hover('"arms"', 'arms', 'The first is the one that the verdict is about');
});

test('an experiment is run from the row above it, and its report opens', async ({ workbench }) => {
  write(workbench, 'lichens.ssae.json');
  await workbench.openFile('lichens.ssae.json');
  await workbench.screenshot('experiment-idle');
  await lens(workbench, 'Run').first().click();
  await expect(lens(workbench, /\d+\/14/)).toBeVisible(LONG);
  await expect(lens(workbench, 'Cancel')).toBeVisible();
  await workbench.run('SSAE Studio: Focus on Jobs View');
  await workbench.screenshot('experiment-running');
  const toast = workbench.toast('Specialising (bm25, mean loss)');
  await expect(toast).toBeVisible(LONG);
  await expect(lens(workbench, 'Show Last Run')).toBeVisible();
  await workbench.screenshot('experiment-done');
  await toast.getByRole('button', { name: 'Open Report' }).click();
  await expectReport(workbench);
});

test('the report of the last run opens again, in light and dark, and stays after a reload', async ({ workbench }) => {
  await workbench.openFile('lichens.ssae.json');
  await lens(workbench, 'Show Last Run').click();
  for (const theme of ['light', 'dark', 'hc-dark', 'hc-light'] as const) {
    await workbench.theme(theme);
    await expectReport(workbench);
    const color = await (
      await workbench.webviewFrame()
    ).evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(color).toBe(theme.endsWith('dark') ? 'rgb(21, 24, 29)' : 'rgb(255, 255, 255)');
    await workbench.screenshot(`report-${theme}`);
    await expectAccessible(await workbench.webviewFrame());
  }
  await workbench.reload();
  await expectReport(workbench);
});

async function expectReport(workbench: Workbench): Promise<void> {
  const page = workbench.webview();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Lichens, specialised', LONG);
  await expect(page.locator('.verdict')).toContainText('Specialising (bm25, mean loss) changes');
  await expect(page.locator('canvas').first()).toBeVisible();
}

test('the report is exported as it is; a browser elsewhere is not offered its file', async ({ workbench }) => {
  const { page, server } = workbench;
  await workbench.openFile('lichens.ssae.json');
  await lens(workbench, 'Show Last Run').click();
  await expectReport(workbench);
  await page.keyboard.press('F1');
  await workbench.quickInput.fill('>SSAE Studio: Open Report in Browser');
  await expect(workbench.quick.locator('.monaco-list-row', { hasText: 'Open Report in Browser' })).toHaveCount(0);
  await page.keyboard.press('Escape');
  await workbench.run('SSAE Studio: Export Report as HTML…', { wait: false });
  await expect(workbench.quickInput).toHaveValue(/\.html$/);
  const target = join(server.folder, 'exported.html');
  await workbench.quickInput.fill(target);
  await page.keyboard.press('Enter');
  await expect.poll(() => existsSync(target), LONG).toBe(true);
  const exported = readFileSync(target, 'utf8');
  expect(exported).toContain('<script type="application/json" id="report">');
  expect(exported).not.toMatch(/(src|href)="(?!#|data:)/);
});

test('what only the daemon knows is told at its place in the file', async ({ workbench }) => {
  write(workbench, 'wrong.ssae.json', { corpus: 'villag' });
  await workbench.openFile('wrong.ssae.json');
  const squiggles = (kind: string) => workbench.page.locator(`.view-overlays .squiggly-${kind}`);
  await expect(squiggles('warning')).toHaveCount(1);
  await lens(workbench, 'Run').first().click();
  await expect(workbench.toast('corpus is "villag"')).toBeVisible(LONG);
  await expect(squiggles('error')).toHaveCount(1);
  await expect(lens(workbench, 'Failed')).toBeVisible();
  await workbench.hover('"corpus": "villag"', 'villag', 'which does not exist');
  await workbench.screenshot('experiment-refused');
});

test('a new experiment begins with what is there', async ({ workbench }) => {
  const { page } = workbench;
  await workbench.run('SSAE Studio: New Experiment…', { wait: false });
  for (const [step, typed] of [
    ['(1/4)', 'Write them'],
    ['(2/4)', 'moby-dick'],
    ['(3/4)', ''],
  ] as const) {
    await expect(workbench.quick).toContainText(step);
    await workbench.row('').waitFor();
    if (typed !== '') await workbench.quickInput.fill(typed);
    await workbench.row(typed).waitFor();
    if (step === '(2/4)') await workbench.screenshot('experiment-new');
    await page.keyboard.press('Enter');
  }
  await expect(workbench.quick).toContainText('(4/4)');
  await page.keyboard.press('Enter');
  await expect(workbench.line('"corpus": "moby-dick"')).toBeVisible();
  await expect(page.locator('.tab.active')).toContainText('concept.ssae.json');
  await expect(page.locator('.tab.active')).toHaveClass(/dirty/);
  await expect(lens(workbench, 'Run').first()).toBeVisible();
  await workbench.screenshot('experiment-new-file');
});
