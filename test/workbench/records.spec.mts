import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, type Workbench } from './workbench.mts';

test.use({ server: {} });
test.describe.configure({ mode: 'serial', timeout: 120_000 });

const LONG = { timeout: 60_000 };
const TOGGLE = 'SSAE Studio: Toggle Feature Highlights';
const FEATURES = /^#\d+ .*\d$|no rare feature/;

function lens(workbench: Workbench, text: string | RegExp) {
  return workbench.page.locator('.codelens-decoration a, .codelens-decoration span', { hasText: text });
}

const write = ({ server }: Workbench, name: string, text: string): void => {
  writeFileSync(join(server.folder, name), text);
};

test('records of a corpus file show what their text is told by, and become seeds where they lie', async ({
  workbench,
}) => {
  await workbench.openFile('abstracts.jsonl');
  await expect(lens(workbench, 'Add as Seed')).toHaveCount(0);
  await workbench.run(TOGGLE);
  const feature = workbench.page.locator('.codelens-decoration a', { hasText: /^#\d+ .*\d$/ }).first();
  await expect(feature).toBeVisible(LONG);
  await expect(workbench.page.locator('.codelens-decoration a', { hasText: 'Add as Seed' })).toHaveCount(3);
  await expectPaintOnTextOnly(workbench);
  for (const theme of ['light', 'dark'] as const) {
    await workbench.theme(theme);
    await workbench.screenshot(`records-${theme}`);
  }
  await lens(workbench, 'Add as Seed').first().click();
  await workbench.quickInput.fill('lensing');
  await workbench.page.keyboard.press('Enter');
  await expect(workbench.toast('Added 1 seed to lensing.')).toBeVisible();
  const file = join(workbench.server.folder, '.ssae', 'seeds', 'lensing.jsonl');
  const seed = JSON.parse(readFileSync(file, 'utf8')) as { text: string; from: { file: string } };
  expect(seed.text).toBe('Light of distant galaxies is bent by the "mass" of a nearer one.');
  expect(seed.from.file).toBe('abstracts.jsonl');
  const [, number] = /#(\d+)/.exec((await feature.textContent()) ?? '') ?? [];
  await feature.click();
  await expect(workbench.webview().getByRole('heading', { level: 1 })).toContainText(number!, { timeout: 30_000 });
});

/** Ids and titles of records are no text that is read. */
async function expectPaintOnTextOnly(workbench: Workbench): Promise<void> {
  await expect.poll(async () => (await workbench.backgrounds()).length, LONG).toBeGreaterThan(2);
  const first = await workbench.word('"Arcs"', 'Light');
  const last = await workbench.word('"Arcs"', 'one.');
  const painted = (await workbench.backgrounds()).filter(({ y }) => Math.abs(y - first.y) < first.height / 2);
  expect(painted.length).toBeGreaterThan(0);
  for (const { x, width } of painted) {
    expect(x).toBeGreaterThan(first.x - 2);
    expect(x + width).toBeLessThan(last.x + last.width + 2);
  }
}

test('rows of a table have the same, and none have when lenses or highlights are off', async ({ workbench }) => {
  write(workbench, 'comments.csv', 'id,comment,score\n1,"Atoms decay, he said.",0.1\n2,Rude words hurt people.,0.9\n');
  const seeds = workbench.page.locator('.codelens-decoration a', { hasText: 'Add as Seed' });
  await workbench.openFile('comments.csv');
  await expect(seeds).toHaveCount(2, LONG);
  await expect(lens(workbench, FEATURES).first()).toBeVisible(LONG);
  await workbench.screenshot('records-table');
  workbench.server.setSettings({ 'ssae.codeLens.enabled': false });
  await expect(seeds).toHaveCount(0);
  workbench.server.setSettings({ 'ssae.codeLens.enabled': undefined });
  await expect(seeds).toHaveCount(2);
  await workbench.run(TOGGLE);
  await expect(seeds).toHaveCount(0);
  await workbench.run(TOGGLE);
  await expect(seeds).toHaveCount(2);
});

test('a long file has lenses wherever it is scrolled to', async ({ workbench }) => {
  const records = Array.from({ length: 20_000 }, (_, id) => `{"id": ${id}, "text": "A photon of energy ${id}."}`);
  write(workbench, 'long.jsonl', `${records.join('\n')}\n`);
  await workbench.openFile('long.jsonl');
  await expect(lens(workbench, FEATURES).first()).toBeVisible(LONG);
  await workbench.page.keyboard.press('Control+End');
  await expect(workbench.line(/energy\s19999/)).toBeVisible();
  // Lenses of lines further up stay in the page, out of sight.
  await expect(lens(workbench, 'Add as Seed').last()).toBeVisible(LONG);
  await expect(lens(workbench, FEATURES).last()).toBeVisible(LONG);
  await workbench.screenshot('records-long');
});
