import { join } from 'node:path';
import { expectAccessible } from './accessibility.mts';
import { daemonOf, finetune, runRow as row } from './steps.mts';
import { expect, test, THEMES, type Workbench } from './workbench.mts';

const GENERAL = join(import.meta.dirname, '..', 'fixtures', 'end-to-end', 'general.txt');
const LONG = { timeout: 120_000 };

test.use({
  server: {
    settings: { 'editor.wordWrap': 'on' },
    ssae: [
      ['corpus', 'add', 'sky', 'library/astronomy.txt', GENERAL, '--unit', 'paragraph'],
      ['retrieve', '--seeds', 'lensing.jsonl', '--corpus', 'sky', '--arm', 'bm25', '--tokens', '600', '-o', 'lenses'],
    ],
  },
});
test.describe.configure({ mode: 'serial', timeout: 240_000 });

/** How much of the first chart's width its line takes: the pixels are neither page nor grid. */
async function drawnShare(workbench: Workbench): Promise<number> {
  return workbench
    .webview()
    .locator('.chart canvas')
    .first()
    .evaluate((element) => {
      const canvas = element as HTMLCanvasElement;
      const { data, width, height } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      const columns = new Set<number>();
      for (let at = 0; at < width * height; at++) {
        const [red, green, blue, alpha] = data.subarray(4 * at, 4 * at + 4);
        if (alpha! > 128 && Math.max(red!, green!, blue!) - Math.min(red!, green!, blue!) > 64) columns.add(at % width);
      }
      return columns.size / width;
    });
}

test('finetuning shows its panel, is paused and resumed, and survives a reload and a killed daemon', async ({
  workbench,
}) => {
  await finetune(workbench, 'ERM', 200_000, 'lenses-erm');
  const run = row(workbench, 'lenses-erm');
  const page = workbench.webview();
  await expect(run).toContainText('training,', LONG);
  await expect(run.getByRole('progressbar')).toBeVisible();
  await expect(page.locator('.chart').first().locator('.legend .number')).toHaveText(/\d/, LONG);
  await expect(workbench.status(/lenses-erm .*\d+ %/)).toBeVisible(LONG);
  await workbench.run('SSAE Studio: Focus on Jobs View');
  await expect(workbench.entry(/lenses-erm.*finetune.*\d+ %/)).toBeVisible(LONG);
  await expect(page.getByRole('img', { name: /^Loss over (\d\d+|[3-9]) steps/ })).toBeVisible(LONG);
  expect(await drawnShare(workbench)).toBeGreaterThan(0.4);
  await expect(page.getByRole('heading', { name: 'Tilt' })).toHaveCount(0);
  await workbench.screenshot('training-live');
  await run.getByRole('button', { name: /^Pause/ }).click();
  await expect(run).toContainText('Paused', LONG);
  await run.getByRole('button', { name: /^Resume/ }).click();
  await expect(run).toContainText('training,', LONG);
  await workbench.reload();
  await expect(run).toContainText('training,', LONG);
  process.kill(daemonOf(workbench), 'SIGKILL');
  await expect(run).toContainText('Paused', LONG);
  await workbench.run('SSAE Studio: Focus on Jobs View');
  await expect(workbench.entry(/lenses-erm.*the daemon died/)).toBeVisible(LONG);
  await workbench.screenshot('training-daemon-died');
  await run.getByRole('button', { name: /^Resume/ }).click();
  await expect(run).toContainText('Done', { timeout: 180_000 });
  await expect(page.getByText(/n = \d+ tokens, split [0-9a-f]{12}/)).toBeVisible();
});

test('a second run is drawn over the first, one is cancelled, and the panel can be read in every theme', async ({
  workbench,
}) => {
  await finetune(workbench, 'relative', 16_000, 'lenses-term');
  await expect(row(workbench, 'lenses-term')).toContainText('Done', LONG);
  await expect(workbench.webview().getByRole('img', { name: /^Tilt over \d+ steps, latest \d/ })).toBeVisible();
  await row(workbench, 'lenses-erm').getByRole('checkbox').setChecked(true);
  await expect(workbench.webview().locator('.chart').first().locator('.legend .number')).toHaveCount(2);
  for (const theme of Object.keys(THEMES) as (keyof typeof THEMES)[]) {
    await workbench.theme(theme);
    await expectAccessible(await workbench.webviewFrame());
    await workbench.screenshot(`training-${theme}`);
  }
  await finetune(workbench, 'ERM', 2_000_000, 'lenses-long');
  const long = row(workbench, 'lenses-long');
  await long.getByRole('button', { name: /^Cancel/ }).click();
  await expect(long).toContainText('Cancelled', LONG);
});

test('a finished run is compared with the general dictionary, token by token', async ({ workbench }) => {
  await workbench.openFile('physics.txt');
  await workbench.run('SSAE Studio: Show Training');
  await row(workbench, 'lenses-erm').getByRole('checkbox').setChecked(true);
  const details = workbench.webview().getByRole('region', { name: /lenses-erm/ });
  await details.getByRole('button', { name: 'Compare with GSAE' }).click();
  await expect(workbench.quick).toContainText('lenses-erm and builtin-gsae: where they differ most', LONG);
  await expect(workbench.quick.locator('.monaco-list-row').first()).toContainText(/better by/);
  await expect(workbench.status(/selected/)).toBeVisible();
  await workbench.screenshot('compare-dictionaries');
  await workbench.page.keyboard.press('Enter');
  await expect.poll(async () => (await workbench.backgrounds()).length, LONG).toBeGreaterThan(10);
  await expect(workbench.status(/lenses-erm · /)).toBeVisible();
  await workbench.screenshot('compare-painted');
  await workbench.run('SSAE Studio: Toggle Feature Highlights');
});

test('a finished run becomes the dictionary that text is read with', async ({ workbench }) => {
  await workbench.run('SSAE Studio: Show Training');
  await row(workbench, 'lenses-term').getByRole('checkbox').setChecked(true);
  const details = workbench.webview().getByRole('region', { name: /lenses-term/ });
  await details.getByRole('button', { name: 'Inspect Here' }).click();
  await expect(workbench.status(/lenses-term/)).toBeVisible(LONG);
  await workbench.run('SSAE Studio: Focus on Dictionaries View');
  await expect(workbench.entry(/^lenses-term, in use/)).toBeVisible();
});
