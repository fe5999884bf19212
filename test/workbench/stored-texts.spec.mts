import { join } from 'node:path';
import { answer, pick } from './steps.mts';
import { expect, test, type Workbench } from './workbench.mts';

const FOLDER = join(import.meta.dirname, '..', 'fixtures', 'corpora-folder');
test.use({ server: { folder: FOLDER } });
test.describe.configure({ mode: 'serial', timeout: 180_000 });

const LONG = { timeout: 90_000 };

function lens(workbench: Workbench, text: string | RegExp) {
  return workbench.page.locator('.codelens-decoration a', { hasText: text });
}

test('a file of records is added from the explorer, then browsed', async ({ workbench }) => {
  const { page } = workbench;
  await workbench.run('View: Show Explorer');
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'papers.jsonl' }).click({ button: 'right' });
  await workbench.choose('SSAE Studio: Add to Corpus…');
  await pick(workbench, '(1/3)');
  await pick(workbench, '(2/3)', 'abstract');
  await pick(workbench, '(3/3)');
  await expect(workbench.toast('120 passages added')).toBeVisible(LONG);
  await workbench.screenshot('corpora-added');
  await workbench.toast('120 passages added').getByRole('button', { name: 'Browse' }).click();
  await expect(workbench.line('papers · passages 1–50 of 120')).toBeVisible();
  await expect(lens(workbench, 'Open Source · papers.jsonl:1').first()).toBeVisible();
  await workbench.screenshot('corpora-page');
  await lens(workbench, 'Next Page').click();
  await expect(workbench.line('papers · passages 51–100 of 120')).toBeVisible();
  await workbench.run('SSAE Studio: Search Corpus…', { wait: false });
  await answer(workbench, 'Search papers', 'whale');
  await expect(workbench.line('for "whale"')).toBeVisible();
  await lens(workbench, /Open Source · papers.jsonl:\d+/)
    .first()
    .click();
  await expect(workbench.editor('papers.jsonl')).toBeVisible();
});

test('passages are retrieved step by step, struck and pinned, and the budget is filled again', async ({
  workbench,
}) => {
  const { page } = workbench;
  await workbench.run('SSAE Studio: Retrieve Passages…', { wait: false });
  await pick(workbench, '(1/5)');
  await pick(workbench, '(2/5)');
  await pick(workbench, '(3/5)', 'bm25');
  await answer(workbench, '(4/5)', '300');
  await answer(workbench, '(5/5)');
  await expect(workbench.line('#1 · score')).toBeVisible(LONG);
  await expect(workbench.line('heat-papers-bm25 · bm25 · corpus papers')).toBeVisible();
  const first = (await workbench.line(/^Paper\s\d+\son\sheat/).textContent())!.replace(/\u00a0/g, ' ').slice(0, 16);
  await lens(workbench, 'Strike').first().click();
  await lens(workbench, 'Pin').nth(1).click();
  await expect(lens(workbench, 'Apply 2 changes')).toBeVisible();
  await workbench.screenshot('selection-judged');
  await workbench.reload();
  await expect(lens(workbench, 'Apply 2 changes')).toBeVisible(LONG);
  await lens(workbench, 'Apply 2 changes').click();
  await expect(workbench.line('1 pinned · 1 struck')).toBeVisible(LONG);
  await expect(page.locator('.view-line', { hasText: first })).toHaveCount(0);
  await workbench.screenshot('selection-applied');
});

test('the steps of retrieval go back, keep what was given on the way, and offer the last answers the next time', async ({
  workbench,
}) => {
  const { quick, quickInput, page } = workbench;
  const back = quick.getByRole('button', { name: 'Back' });
  const retrieve = () => workbench.run('SSAE Studio: Retrieve Passages…', { wait: false });
  await retrieve();
  await expect(quick).toContainText('(1/5)');
  await expect(back).toHaveCount(0);
  await pick(workbench, '(1/5)');
  await pick(workbench, '(2/5)');
  await expect(workbench.row('bm25')).toBeVisible();
  await pick(workbench, '(3/5)', 'dense+tracin');
  await pick(workbench, '(4/6)');
  await expect(quickInput).toHaveValue('300');
  await answer(workbench, '(5/6)', 'many');
  await expect(quick).toContainText('A whole number of at least 1.');
  await answer(workbench, '(5/6)', '450');
  await expect(quickInput).toHaveValue('heat-papers-dense-tracin');
  await back.click();
  await expect(quick).toContainText('(5/6)');
  await expect(quickInput).toHaveValue('450');
  await back.click();
  await expect(quick).toContainText('(4/6)');
  await back.click();
  await expect(quick).toContainText('(3/6)');
  await expect(workbench.row('dense+tracin')).toBeVisible();
  await workbench.screenshot('retrieve-back');
  await pick(workbench, '(3/6)', 'random');
  await expect(quickInput).toHaveValue('450');
  await answer(workbench, '(4/5)');
  await answer(workbench, '(5/5)', 'few');
  await expect(workbench.line('few · random')).toBeVisible(LONG);
  await retrieve();
  await pick(workbench, '(1/5)');
  await pick(workbench, '(2/5)');
  await expect(quick).toContainText('(3/5)');
  await expect(workbench.row('random')).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(quickInput).toHaveValue('450');
  await page.keyboard.press('Escape');
  await expect(quick).toBeHidden();
});

test('two selections are compared side by side', async ({ workbench }) => {
  await workbench.run('SSAE Studio: Retrieve Passages…', { wait: false });
  await pick(workbench, '(1/5)');
  await pick(workbench, '(2/5)');
  await pick(workbench, '(3/5)', 'random');
  await answer(workbench, '(4/5)', '2000');
  await answer(workbench, '(5/5)', 'control');
  await expect(workbench.line('control · random')).toBeVisible(LONG);
  await workbench.run('SSAE Studio: Compare Selection with…', { wait: false });
  await pick(workbench, '', 'control');
  await pick(workbench, '', 'heat');
  await expect(workbench.line(/In\sboth:\s\d+/)).toBeVisible(LONG);
  await expect(workbench.page.locator('.editor-instance')).toHaveCount(2);
  await workbench.run('SSAE Studio: Focus on Selections View');
  await expect(workbench.page.getByRole('treeitem', { name: /^control, random/ })).toBeVisible();
  await workbench.screenshot('selections-compared');
});

test('a dictionary is evaluated, and the table is a page that can be read', async ({ workbench }) => {
  await workbench.run('SSAE Studio: Focus on Dictionaries View');
  const row = workbench.page.getByRole('treeitem', { name: /^builtin-gsae/ });
  await expect(row).toContainText('in use');
  await workbench.run('SSAE Studio: Evaluate Dictionary against Baseline…', { wait: false });
  await pick(workbench, '', 'builtin-gsae');
  await pick(workbench, '(1/4)', 'None');
  await pick(workbench, '(2/4)');
  await expect(workbench.quick).toContainText('heat-papers');
  await answer(workbench, '(3/4)');
  await answer(workbench, '(4/4)', '500');
  const table = workbench.webview().locator('table');
  await expect(table).toContainText('explained_variance', LONG);
  await workbench.screenshot('evaluation');
});
