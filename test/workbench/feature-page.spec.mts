import { join } from 'node:path';
import type { Frame } from '@playwright/test';
import { expectAccessible } from './accessibility.mts';
import { logOf, tellExtension } from './steps.mts';
import { expect, test, THEMES, type Workbench } from './workbench.mts';

const GENERAL = join(import.meta.dirname, '..', 'fixtures', 'end-to-end', 'general.txt');
const QUASAR = 'Light from a distant';
const LONG = { timeout: 60_000 };

test.use({
  server: {
    settings: { 'ssae.referenceCorpus': 'sky', 'editor.wordWrap': 'on' },
    ssae: [['corpus', 'add', 'sky', 'library/astronomy.txt', GENERAL, '--unit', 'paragraph']],
  },
});
test.describe.configure({ mode: 'serial' });

const heading = (workbench: Workbench) => workbench.webview().getByRole('heading', { level: 1 });

async function openFeature(workbench: Workbench, feature: number): Promise<void> {
  await workbench.run('SSAE Studio: Open Feature…', { wait: false });
  await workbench.quickInput.fill(String(feature));
  await expect(workbench.row(String(feature))).toBeVisible(LONG);
  await workbench.page.keyboard.press('Enter');
  await expect(heading(workbench)).toContainText(`Feature ${feature} `, LONG);
  await expect(workbench.webview().getByRole('heading', { name: 'Similar features' })).toBeVisible(LONG);
}

test('a link of the hover opens the page: histogram, passages by quantile with paint, logits, neighbours, bookmark', async ({
  workbench,
}) => {
  await workbench.openFile('physics.txt');
  await workbench.run('SSAE Studio: Toggle Feature Highlights');
  await expect.poll(async () => (await workbench.backgrounds()).length, LONG).toBeGreaterThan(3);
  const hover = await workbench.hover(QUASAR, 'quasar', 'Seed from this');
  const link = hover.locator('table a').first();
  const feature = (await link.textContent())!.trim();
  await link.click();
  await expect(heading(workbench)).toContainText(`Feature ${feature} `, LONG);
  const page = workbench.webview();
  await expect(page.getByText(/Fires on .* of tokens \(n = /)).toBeVisible(LONG);
  await expect(page.getByRole('img', { name: /^Histogram of/ })).toBeVisible();
  await expect(page.locator('.quantile h3').first()).toContainText('of the strongest activation');
  await expect(page.locator('.quantile .token[class*="paint-5"]').first()).toHaveAttribute('title', /: activation \d/);
  await expect(page.locator('.effects tbody tr')).toHaveCount(20);
  expect(await page.locator('.similar li').count()).toBeGreaterThan(3);
  await page.getByRole('button', { name: 'Bookmark' }).click();
  await workbench.run('SSAE Studio: Focus on Features View');
  await expect(workbench.entry(/^Bookmarks/)).toBeVisible();
  await expect(workbench.entry(new RegExp(`^${feature}`))).toBeVisible();
  for (const theme of Object.keys(THEMES) as (keyof typeof THEMES)[]) {
    await workbench.theme(theme);
    await expectAccessible(await workbench.webviewFrame());
    await workbench.screenshot(`feature-${theme}`);
  }
  await workbench.run('SSAE Studio: Toggle Feature Highlights');
});

test('a typed text is painted, a prompt continued twice, and what was typed is there after a reload', async ({
  workbench,
}) => {
  await openFeature(workbench, 1277);
  const page = workbench.webview();
  const text = page.getByRole('textbox', { name: 'Try your own text' });
  await text.fill('The telescope sees a distant quasar behind the galaxy.');
  await expect(page.getByText(/Strongest: \d/)).toBeVisible(LONG);
  await page.getByRole('textbox', { name: 'Prompt' }).fill('The telescope');
  await page.getByRole('button', { name: 'Continue the Prompt' }).click();
  await expect(page.getByText(/Divergence KL/)).toBeVisible(LONG);
  const continuations = await page.locator('blockquote').allTextContents();
  expect(continuations).toHaveLength(2);
  expect(continuations[0]).not.toBe(continuations[1]);
  await page.getByText(/Divergence KL/).scrollIntoViewIfNeeded();
  await workbench.screenshot('feature-steered');
  await workbench.reload();
  await expect(heading(workbench)).toContainText('Feature 1277 ', LONG);
  await expect(text).toHaveValue('The telescope sees a distant quasar behind the galaxy.');
  await expect(page.getByText(/Strongest: \d/)).toBeVisible(LONG);
  await expect(page.getByRole('textbox', { name: 'Prompt' })).toHaveValue('The telescope');
});

test('a message that is not as agreed changes nothing, on either side', async ({ workbench }) => {
  await openFeature(workbench, 1277);
  const frame = await workbench.webviewFrame();
  await frame.evaluate(() => {
    postMessage({ type: 'open', dictionary: '', feature: -1 }, '*');
  });
  await tellExtension(workbench, { type: 'open', feature: '__proto__', beside: 'yes' });
  await expect.poll(() => logOf(workbench), LONG).toContain('feature page: a message is dropped');
  await expect(heading(workbench)).toContainText('Feature 1277 ');
  await workbench.webview().getByRole('button', { name: 'Next' }).click();
  await expect(heading(workbench)).toContainText('Feature 1278 ', LONG);
});

/** Controls that Tab did not come to yet. */
function unreached(frame: Frame): Promise<string[]> {
  return frame.evaluate(() => {
    document.activeElement?.setAttribute('data-reached', '');
    const controls = 'a[href], button:enabled, input, select, textarea, summary, [tabindex="0"]';
    return [...document.querySelectorAll<HTMLElement>(controls)]
      .filter((element) => !element.hasAttribute('data-reached') && element.tabIndex >= 0)
      .filter((element) => element.checkVisibility())
      .map((element) => element.outerHTML.slice(0, 120));
  });
}

test('Tab comes to every control of the page', async ({ workbench }) => {
  await openFeature(workbench, 1277);
  await expect(workbench.webview().locator('.quantile').first()).toBeVisible(LONG);
  const frame = await workbench.webviewFrame();
  await heading(workbench).click();
  let left = await unreached(frame);
  expect(left.length).toBeGreaterThan(15);
  for (let presses = left.length + 5; presses > 0 && left.length > 0; presses--) {
    await workbench.page.keyboard.press('Tab');
    left = await unreached(frame);
  }
  expect(left).toEqual([]);
});

test('features are searched by the selection, by contrast and by number', async ({ workbench }) => {
  const { page } = workbench;
  await workbench.openFile('physics.txt');
  await workbench.select(QUASAR, 'Light', 'galaxy');
  await workbench.run('SSAE Studio: What Fires on This Selection?', { wait: false });
  await expect(workbench.quick).toContainText(/builtin-gsae: features of \d+ tokens/, LONG);
  await expect(workbench.quick.locator('.monaco-list-row').first()).toContainText(/score .* mean .* of these tokens/);
  await workbench.screenshot('features-of-selection');
  const found = (await workbench.row('').locator('.label-name').first().textContent())!.trim();
  await page.keyboard.press('Enter');
  await expect(heading(workbench)).toContainText(`Feature ${found} `, LONG);
  await workbench.openFile('physics.txt');
  await workbench.select(QUASAR, 'Light', 'galaxy');
  await workbench.select('Mass curves', 'Mass', 'curve.', { more: true });
  await workbench.run('SSAE Studio: What Fires Here, Not There?', { wait: false });
  await expect(workbench.quick).toContainText(/features of \d+ tokens, not of \d+ others/, LONG);
  await expect(workbench.quick.locator('.monaco-list-row').first()).toContainText(/there/);
  await page.keyboard.press('Escape');
  await workbench.run('SSAE Studio: Focus on Features View');
  await expect(workbench.entry(/not of \d+ others/)).toBeVisible();
  await workbench.screenshot('features-view');
  await workbench.run('SSAE Studio: Search Features…', { wait: false });
  await expect(workbench.quick).toContainText('Open Feature of builtin-gsae');
  await workbench.quickInput.fill('1300');
  await workbench.row('1300').waitFor();
  await page.keyboard.press('Enter');
  await expect(heading(workbench)).toContainText('Feature 1300 ', LONG);
});
