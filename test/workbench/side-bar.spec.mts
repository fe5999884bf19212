import { expect, test } from './workbench.mts';

test.use({ server: {} });

const OPEN = ['Seed Sets', 'Corpora', 'Features', 'Jobs'];

test('the views that are needed first are open and fit a window of 800 pixels', async ({ workbench }) => {
  const { page } = workbench;
  await workbench.run('SSAE Studio: Focus on Seed Sets View');
  const bottom = await page.locator('.part.statusbar').boundingBox();
  for (const name of [...OPEN, 'Selections', 'Dictionaries']) {
    const pane = page.locator('.sidebar .pane', { has: page.locator(`.pane-header[aria-label^="${name}"]`) });
    await expect(pane).toBeVisible();
    await expect(pane.locator('.pane-header')).toHaveAttribute('aria-expanded', String(OPEN.includes(name)));
    const box = (await pane.boundingBox())!;
    expect(box.y + box.height).toBeLessThanOrEqual(bottom!.y + 1);
    if (OPEN.includes(name)) expect(box.height).toBeGreaterThan(90);
  }
  await workbench.screenshot('side-bar');
});
