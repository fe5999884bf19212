import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answer, pick } from './steps.mts';
import { expect, middle, test, type Workbench } from './workbench.mts';

test.use({ server: { settings: { 'editor.wordWrap': 'on', 'workbench.colorTheme': 'Dark Modern' } } });
test.describe.configure({ mode: 'serial', timeout: 240_000 });

const LONG = { timeout: 90_000 };
const LENSING = 'Light from a distant quasar';

let frame = 0;
async function shot(workbench: Workbench, name: string): Promise<void> {
  frame++;
  await workbench.screenshot(`film-${String(frame).padStart(2, '0')}-${name}`);
}

async function dark(workbench: Workbench): Promise<void> {
  await workbench.theme('dark');
}

test('a physics text is painted, and a passage of it becomes a seed', async ({ workbench }) => {
  const { page } = workbench;
  await dark(workbench);
  await workbench.openFile('physics.txt');
  await shot(workbench, 'text');
  await workbench.run('SSAE Studio: Toggle Feature Highlights');
  await expect.poll(async () => (await workbench.backgrounds()).length, LONG).toBeGreaterThan(3);
  await shot(workbench, 'highlights');
  await workbench.screenshot('readme-highlights');
  await workbench.hover(LENSING, 'quasar', 'reconstruction error');
  await shot(workbench, 'hover');
  await page.keyboard.press('Escape');
  await page.mouse.click(...middle(await workbench.word(LENSING, 'Light')));
  await page.keyboard.press('Home');
  await page.keyboard.press('Home');
  await page.keyboard.press('Shift+Control+ArrowRight');
  for (let word = 0; word < 16; word++) await page.keyboard.press('Shift+Control+ArrowRight');
  await shot(workbench, 'selection');
  await page.keyboard.press('Control+Alt+s');
  await expect(workbench.quick).toContainText('New Seed Set');
  await workbench.quickInput.fill('lensing');
  await shot(workbench, 'seed-set-name');
  await page.keyboard.press('Enter');
  await expect(workbench.toast('Added 1 seed to lensing.')).toBeVisible();
  await workbench.run('SSAE Studio: Focus on Seed Sets View');
  await expect(workbench.entry(/^lensing/)).toBeVisible();
  await shot(workbench, 'seed-set');
  const seed = readFileSync(join(workbench.server.folder, '.ssae', 'seeds', 'lensing.jsonl'), 'utf8');
  expect(JSON.parse(seed)).toMatchObject({ from: { file: 'physics.txt' } });
});

test('similar passages are retrieved from a corpus', async ({ workbench }) => {
  const { page } = workbench;
  await dark(workbench);
  await workbench.run('View: Show Explorer');
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'library' }).click({ button: 'right' });
  await workbench.choose('SSAE Studio: Add to Corpus…');
  await expect(workbench.quick).toContainText('(1/');
  while (await workbench.quick.isVisible()) {
    await page.keyboard.press('Enter');
    await page.waitForTimeout(600);
  }
  await expect(workbench.toast(/passages? added/)).toBeVisible(LONG);
  await workbench.run('SSAE Studio: Retrieve Passages…', { wait: false });
  await pick(workbench, '(1/5)');
  await pick(workbench, '(2/5)');
  await pick(workbench, '(3/5)', 'dense');
  await expect(workbench.quick).toContainText('(4/5)');
  await shot(workbench, 'retrieve-budget');
  await answer(workbench, '(4/5)', '400');
  await answer(workbench, '(5/5)');
  await expect(workbench.line('#1 · score')).toBeVisible(LONG);
  await shot(workbench, 'selection-document');
});

test('a dictionary is finetuned on them while its figures are drawn', async ({ workbench }) => {
  await dark(workbench);
  await workbench.run('SSAE Studio: Finetune', { wait: false });
  await pick(workbench, '(1/');
  await pick(workbench, '(2/');
  await pick(workbench, '(3/', 'ERM');
  await answer(workbench, '(4/', '60000');
  await answer(workbench, '(5/', 'lensing-ssae');
  const page = workbench.webview();
  const run = page.getByRole('row', { name: /lensing-ssae/ });
  await expect(run).toBeVisible(LONG);
  await expect(page.locator('.chart .legend .number').first()).toHaveText(/\d/, LONG);
  await shot(workbench, 'training');
  await expect(run).toContainText('Done', LONG);
  await shot(workbench, 'trained');
  await workbench.screenshot('readme-training');
});

test('the new dictionary is compared with the general one on the text', async ({ workbench }) => {
  await dark(workbench);
  await workbench.openFile('physics.txt');
  workbench.server.setSettings({ 'ssae.dictionary': 'lensing-ssae' });
  await expect(workbench.status(/lensing-ssae/)).toBeVisible();
  await workbench.run('SSAE Studio: Compare Dictionaries on This File', { wait: false });
  await expect(workbench.quick).toContainText('where they differ most', LONG);
  await expect(workbench.quick).toContainText(/(lensing-ssae|builtin-gsae) better by/);
  await shot(workbench, 'compare');
  await workbench.page.keyboard.press('Enter');
  await expect(workbench.status('difference from builtin-gsae')).toBeVisible();
  await expect.poll(async () => (await workbench.backgrounds()).length, LONG).toBeGreaterThan(10);
  await shot(workbench, 'difference');
  workbench.server.setSettings({ 'ssae.dictionary': undefined });
});

test('the page of a feature is opened from what fires on a selection', async ({ workbench }) => {
  await dark(workbench);
  await workbench.openFile('physics.txt');
  await workbench.page.mouse.dblclick(...middle(await workbench.word(LENSING, 'quasar')));
  await workbench.run('SSAE Studio: What Fires on This Selection?', { wait: false });
  await expect(workbench.quick).toContainText('features of', LONG);
  await shot(workbench, 'what-fires');
  await workbench.page.keyboard.press('Enter');
  const page = workbench.webview();
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible(LONG);
  await expect(page.getByText('Raised most')).toBeVisible(LONG);
  await page.getByRole('combobox', { name: 'Corpus' }).selectOption('library');
  await expect(page.getByText(/astronomy\.txt/).first()).toBeVisible(LONG);
  await shot(workbench, 'feature-page');
  await workbench.screenshot('readme-feature-page');
});

test('an experiment file does it again, with controls, and ends in a report', async ({ workbench }) => {
  await dark(workbench);
  const experiment = {
    title: 'Gravitational lensing, specialised',
    corpora: {
      library: { sources: ['library/astronomy.txt', 'notes.txt'], unit: 'paragraph' },
      held: { sources: ['physics.txt'], unit: 'paragraph' },
    },
    corpus: 'library',
    seeds: { lensing: { texts: ['Light from a distant quasar is bent by the gravity of a galaxy.'] } },
    ...{ arms: ['bm25'], selection: { tokens: 200 }, objectives: [{ kind: 'erm' }] },
    ...{ training: { tokens: 2000, batch: 128 }, evaluation: { domain: { corpus: 'held' } } },
  };
  writeFileSync(join(workbench.server.folder, 'lensing.ssae.json'), `${JSON.stringify(experiment, null, 2)}\n`);
  await workbench.openFile('lensing.ssae.json');
  const lens = (text: string) => workbench.page.locator('.codelens-decoration a', { hasText: text });
  await expect(lens('Run').first()).toBeVisible(LONG);
  await shot(workbench, 'experiment');
  await lens('Run').first().click();
  await expect(lens('Show Last Run')).toBeVisible({ timeout: 200_000 });
  await lens('Show Last Run').click();
  await expect(workbench.webview().getByRole('heading', { level: 1 })).toContainText('lensing', LONG);
  await shot(workbench, 'report');
});
